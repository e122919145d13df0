"""Load every file that children can read into the page cache before the first child starts.

Otherwise one child could choose which pages of a shared file are cached, and a later child could
read that message by timing its own reads. If all pages are cached, there is nothing to measure.
Costs 0.2 s of one core when the files are cached already, and about 1 GB of reads when they are
not. Not prevented: the kernel may drop pages again when memory is short.
"""

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator

CHUNK = 1 << 20
# The kernel generates these files on each read, so they have no cached pages.
VIRTUAL = ("/proc/", "/sys/", "/dev/")


class BroughtIn:
    """A background thread that reads files and folders into the page cache."""

    def __init__(self, paths: Iterable[str]) -> None:
        """Start reading."""
        self._thread = threading.Thread(target=_read_all, args=(list(paths),), daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Return True once everything has been read, or False if `seconds` pass first."""
        self._thread.join(seconds)
        return not self._thread.is_alive()


def _read_all(paths: list[str]) -> None:
    room = bytearray(CHUNK)
    for path in files_under(paths):
        # A file that is gone, or that we cannot read, cannot be read by a child either.
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                while os.readv(handle, [room]):
                    pass
            finally:
                os.close(handle)


def files_under(paths: Iterable[str]) -> Iterator[str]:
    """Yield every given file, and all files in the given folders and their subfolders."""
    for path in paths:
        if path.startswith(VIRTUAL):
            continue
        if not os.path.isdir(path):
            yield path
        for folder, _, names in os.walk(path):
            yield from (os.path.join(folder, name) for name in names)
