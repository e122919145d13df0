"""Who reads an entry of the source cache, how large it is, and when it was used last.

Each entry has a small file: its text is the size of the entry in bytes, and the time of its last
change is that of the last use. Whoever reads the entry holds a shared lock on it, which the kernel
releases when the process ends; `remove_unused` needs the exclusive one, and does not wait for it.
"""

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.files import total_size

USED = ".used"
UNFINISHED = ".unfinished-"
"""Begins the names of folders that are being made or removed."""


class Lease:
    """Keeps an entry in the cache for as long as this object lives."""

    def __init__(self, descriptor: int) -> None:
        """descriptor: an open file with the lock; -1 if the cache does not support locks."""
        self._descriptor = descriptor

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Usage(NamedTuple):
    """The size of an entry in bytes, and when it was used last, as a Unix time."""

    folder: Path
    size: int
    at: float


def use(folder: Path, *, counts: bool = True) -> Lease | None:
    """Return a lease of an entry; None if another process removed it.

    counts: whether the entry counts as used now, and not as only looked at.
    """
    try:
        descriptor = os.open(folder / USED, os.O_RDWR | os.O_CREAT, 0o644)
    except FileNotFoundError:
        return None
    except OSError:  # a cache that cannot be written: nothing removes entries from it
        return Lease(-1)
    lease = Lease(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if counts:
            # Not the kernel's own time, which stands still for some milliseconds.
            os.utime(descriptor, ns=(time.time_ns(), time.time_ns()))
        same = os.path.samestat(os.stat(folder / USED), os.fstat(descriptor))
    except FileNotFoundError:
        return None
    except OSError:
        return lease
    return lease if same else None


def note_size(folder: Path) -> int:
    """Store the size of an entry, and return it. Raises OSError."""
    size = total_size(folder.rglob("*"))
    (folder / USED).write_text(str(size), encoding="utf-8")
    return size


def usage_of(folder: Path) -> Usage | None:
    """Return the size and the last use of an entry; None if it was removed meanwhile."""
    mark = folder / USED
    try:
        text = mark.read_text(encoding="utf-8") if mark.is_file() else ""
        at = (mark if text else folder).stat().st_mtime
        if not text:  # an earlier version stored it
            text = str(note_size(folder))
            os.utime(mark, (at, at))
    except FileNotFoundError:
        return None
    return Usage(folder, int(text), at)


def remove_unused(folder: Path) -> bool:
    """Remove an entry, and return True; False if someone reads it or it cannot be removed."""
    try:
        descriptor = os.open(folder / USED, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Renamed first, so that no reader finds half of it.
        away = tempfile.mkdtemp(dir=folder.parent, prefix=UNFINISHED)
        os.rename(folder, Path(away) / "removed")
    except OSError:
        return False
    finally:
        os.close(descriptor)
    shutil.rmtree(away, ignore_errors=True)
    return True
