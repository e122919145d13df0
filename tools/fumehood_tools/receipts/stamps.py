"""Detect whether a file has changed since it was read, from its metadata instead of its content.

A stamp contains a file's device, inode, size, mtime and ctime. Programs can set mtime but not
ctime. A file that changed within the last SETTLED_SECONDS never counts as unchanged, because file
system clocks are coarse: two writes in quick succession may have the same time.

Not covered: a memory-mapped page may be written once more before its time is updated, and the
system clock may be set back. In both cases readers continue to use the content that they verified
earlier, so the new content is not trusted; `fumehood verify`, which reads everything, finds it.
"""

import os
from collections.abc import Iterable
from typing import NamedTuple

SETTLED_SECONDS = 2.0
_Facts = tuple[int, int, int, int, int] | None


class Stamp(NamedTuple):
    """The metadata of some files at one moment; None for a file that does not exist."""

    files: tuple[_Facts, ...]
    settled: bool
    """Whether all changes are old enough that a later change would have another ctime."""

    def vouches(self, now: "Stamp") -> bool:
        """Return whether the files are unchanged between this stamp and a new one."""
        return self.settled and self.files == now.files


def stamp_of(paths: Iterable[str], now: float) -> Stamp:
    """Return the stamp of files. Call it before reading them. now: seconds since the epoch."""
    files = tuple(map(_facts, paths))
    newest = max((facts[4] for facts in files if facts is not None), default=0)
    return Stamp(files, newest < (now - SETTLED_SECONDS) * 1e9)


def _facts(path: str) -> _Facts:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
