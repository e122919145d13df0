"""Find the shared libraries that programs and libraries are linked against, from ELF headers.

Like `ldd`, but it runs nothing: it reads the DT_NEEDED entries of the dynamic section (elf(5)).
Costs a few milliseconds per hundred files. Reads 64-bit little-endian ELF only. Libraries that a
program opens by name at run time (dlopen) are not found; pass them among the files.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

LOADED, DYNAMIC = 1, 2  # segment types PT_LOAD and PT_DYNAMIC
END, NEEDED, STRINGS, STRINGS_SIZE = 0, 1, 5, 10  # DT_NULL, DT_NEEDED, DT_STRTAB, DT_STRSZ
MOST_STRINGS = 64 << 20


def libraries_of(files: Iterable[Path], folders: Iterable[Path]) -> list[Path]:
    """Return the libraries in `folders` that the files need, directly or indirectly.

    Libraries that are in none of the folders are skipped: they are either next to the file that
    needs them, or missing.
    """
    waiting, places = list(files), list(folders)
    found: dict[str, Path | None] = {path.name: None for path in waiting}
    while waiting:
        for name in needed(waiting.pop()):
            if name in found:
                continue
            path = next((p for folder in places if (p := folder / name).is_file()), None)
            found[name] = path
            if path is not None:
                waiting.append(path)
    return [path for path in found.values() if path is not None]


def needed(path: Path) -> list[str]:
    """Return the names of the libraries a file is linked against; empty if it is not ELF."""
    try:
        with path.open("rb") as file:
            if file.read(5) != b"\x7fELF\x02":
                return []
            return list(_needed(file))
    except (OSError, struct.error, ValueError):
        return []


def _needed(file: BinaryIO) -> Iterator[str]:
    segments = list(_segments(file))
    entries: dict[int, list[int]] = {}
    for kind, offset, _, size in segments:
        if kind == DYNAMIC:
            file.seek(offset)
            content = file.read(size)
            for tag, value in struct.iter_unpack("<qQ", content[: len(content) // 16 * 16]):
                if tag == END:
                    break
                entries.setdefault(tag, []).append(value)
    # Library names are offsets into the string table. The table is given by its address in memory:
    # find the segment that is loaded there to get its position in the file.
    for table in entries.get(STRINGS, []):
        for kind, offset, address, size in segments:
            if kind == LOADED and address <= table < address + size:
                file.seek(table - address + offset)
                names = file.read(min(entries[STRINGS_SIZE][0], MOST_STRINGS))
                for start in entries.get(NEEDED, []):
                    yield names[start : names.index(b"\0", start)].decode()


def _segments(file: BinaryIO) -> Iterator[tuple[int, int, int, int]]:
    """Yield (type, offset in the file, address, size) of each segment."""
    file.seek(32)
    (headers,) = struct.unpack("<Q", file.read(8))
    file.seek(56)
    (count,) = struct.unpack("<H", file.read(2))
    file.seek(headers)
    for _ in range(count):
        kind, _, offset, address, _, size, _, _ = struct.unpack("<IIQQQQQQ", file.read(56))
        yield kind, offset, address, size
