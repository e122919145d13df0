"""Which of the system's shared libraries some programs and libraries need, read from their headers.

A few milliseconds per hundred files. Libraries that a program asks for by name while it runs
(dlopen) are not seen: whoever needs one names it as one of the files. ELF of 64 bits only.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

LOADED, DYNAMIC = 1, 2  # kinds of segments
END, NEEDED, STRINGS, STRINGS_SIZE = 0, 1, 5, 10  # entries of the dynamic section
MOST_STRINGS = 64 << 20


def libraries_of(files: Iterable[Path], folders: Iterable[Path]) -> list[Path]:
    """Return the libraries in `folders` that files need, and what those need in turn.

    What is in no folder is passed over: it lies beside whoever needs it, or is not there.
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
    """Return the names of the libraries that a file is linked against, none for other files."""
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
    for table in entries.get(STRINGS, []):
        for kind, offset, address, size in segments:
            if kind == LOADED and address <= table < address + size:
                file.seek(table - address + offset)
                names = file.read(min(entries[STRINGS_SIZE][0], MOST_STRINGS))
                for start in entries.get(NEEDED, []):
                    yield names[start : names.index(b"\0", start)].decode()


def _segments(file: BinaryIO) -> Iterator[tuple[int, int, int, int]]:
    """Yield kind, offset in the file, address and size of each segment."""
    file.seek(32)
    (headers,) = struct.unpack("<Q", file.read(8))
    file.seek(56)
    (count,) = struct.unpack("<H", file.read(2))
    file.seek(headers)
    for _ in range(count):
        kind, _, offset, address, _, size, _, _ = struct.unpack("<IIQQQQQQ", file.read(56))
        yield kind, offset, address, size
