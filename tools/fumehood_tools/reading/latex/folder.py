"""Read the LaTeX source of a paper from a folder on disk, in the form of an unpacked archive.

Only text files (`unpacking.TEXT`) are opened. Links are not followed, hidden folders are skipped,
and the number of entries, the depth and the bytes are limited, so that a paper that lies among
other things is read as fast as one in a folder of its own.
"""

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from fumehood_tools.errors import Unreadable
from fumehood_tools.reading.latex.unpacking import (
    MOST_MEMBER,
    Collector,
    Sources,
    is_code,
    is_hidden,
    is_kept,
    may_be_kept,
)

MOST_ENTRIES = 20_000
MOST_FOLDERS = 1_000
MOST_DEEP_FOLDERS = 8
LARGEST_TXT = 1_000_000
"""A larger .txt is data, not a part of a paper."""
_SNIFFED = 1 << 16
_ABOVE = re.compile(rb"\{\s*(?:\./)?((?:\.\./){1,3})[\w]")


def read_folder(folder: Path) -> Sources:
    """Return the text files of a folder by their names in it. Raises Unreadable."""
    collected = Collector()
    for count, (name, path) in enumerate(_files(folder)):
        if count >= MOST_ENTRIES:
            collected.leave_out(f"only the first {MOST_ENTRIES:,} files are read", name)
            break
        if path.is_symlink():
            continue
        try:
            size = path.stat().st_size
            if not collected.wants(name, size):
                continue
            if size > (LARGEST_TXT if name.lower().endswith(".txt") else MOST_MEMBER):
                continue
            if not is_kept(name) and not is_code(name):
                with path.open("rb") as file:
                    size = min(size, len(file.read(_SNIFFED)))
            if not collected.has_room(name, size):
                break
            collected.take(name, path.read_bytes())
        except OSError as error:
            collected.leave_out(f"it can't be opened ({error.strerror})", name)
    return collected.sources()


def read_beside(path: Path) -> tuple[Sources, str]:
    """Return the files of the folder of a .tex file, and the name of the file among them.

    If the file reads others from above its folder (`\\input{../macros}`), the files of that folder
    above are returned. Raises Unreadable.
    """
    root = path.parent
    try:
        above = max((len(it) // 3 for it in _ABOVE.findall(path.read_bytes())), default=0)
    except OSError as error:
        raise Unreadable(
            f"{path.name} can't be opened ({error.strerror}). Check its permissions."
        ) from error
    for _ in range(above):
        if root.parent in (root, Path.home(), Path(root.anchor)):
            break
        root = root.parent
    name = path.relative_to(root).as_posix()
    try:
        sources = read_folder(root)
    except Unreadable:
        sources = Sources({}, [])
    sources.files.setdefault(name, path.read_bytes()[:MOST_MEMBER])
    for other in _of_other_papers(list(sources.files), name):
        del sources.files[other]
    return sources, name


def _of_other_papers(names: list[str], main: str) -> list[str]:
    """Return the .bbl files that belong to other .tex files than the main one."""
    stems = {posixpath.splitext(name)[0] for name in names if name.lower().endswith(".tex")}
    others = stems - {posixpath.splitext(main)[0]}
    return [name for name in names if name.endswith(".bbl") and name[:-4] in others]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files under a folder with their names, those of outer folders first."""
    waiting = [(folder, "", 0)]
    for place, before, depth in waiting:
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            name = before + entry.name
            if entry.is_dir(follow_symlinks=False):
                deep = depth >= MOST_DEEP_FOLDERS or len(waiting) >= MOST_FOLDERS
                if not deep and not is_hidden(name):
                    waiting.append((Path(entry.path), f"{name}/", depth + 1))
            elif is_kept(name) or may_be_kept(name) or is_code(name):
                yield name, Path(entry.path)
