"""Has a file been touched since it was read? Told by the kernel's own record of it, not by content.

A stamp holds device, inode, size and both times of change of a file; the later one (ctime) no
program can set. A file that was changed in the last seconds is never taken for unchanged: the
clock of a file system ticks slower than a program writes.

Not covered: a page that is mapped into memory may be written once more before its time is set; and
a system clock that is put back. What was kept is what was verified, so such a change goes unseen
until `fumehood verify`, which reads everything; it is never believed.
"""

import os
from collections.abc import Iterable
from typing import NamedTuple

SETTLED_SECONDS = 2.0
_Facts = tuple[int, int, int, int, int] | None


class Stamp(NamedTuple):
    """What the kernel says of some files at one moment; None for one that is not there."""

    files: tuple[_Facts, ...]
    settled: bool
    """Whether every change of them is so old that a later one would show."""

    def vouches(self, now: "Stamp") -> bool:
        """Whether what was read when this stamp was taken is what would be read now."""
        return self.settled and self.files == now.files


def stamp_of(paths: Iterable[str], now: float) -> Stamp:
    """Return the stamp of files; take it before they are read. now: seconds since the epoch."""
    files = tuple(map(_facts, paths))
    newest = max((facts[4] for facts in files if facts is not None), default=0)
    return Stamp(files, newest < (now - SETTLED_SECONDS) * 1e9)


def _facts(path: str) -> _Facts:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
