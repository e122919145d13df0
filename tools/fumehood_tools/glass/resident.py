"""Read what children may read into the kernel's memory, before there is a child.

Which pages of a shared file the kernel holds is something that one child could change and a later
one could time. When all of them are there, neither learns anything. Costs a fifth of a second of
one core when the files are in memory already; about 1 GB of reading when they are not.
The kernel may drop pages again when memory is short: nothing here prevents that.
"""

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator

CHUNK = 1 << 20
# Made by the kernel at each read: nothing of it is kept.
VIRTUAL = ("/proc/", "/sys/", "/dev/")


class BroughtIn:
    """Files and folders that are being read, in a thread of their own."""

    def __init__(self, paths: Iterable[str]) -> None:
        """Start reading."""
        self._thread = threading.Thread(target=_read_all, args=(list(paths),), daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Return True when all of it was read once, False when it was not in so many seconds."""
        self._thread.join(seconds)
        return not self._thread.is_alive()


def _read_all(paths: list[str]) -> None:
    room = bytearray(CHUNK)
    for path in files_under(paths):
        # What cannot be read here, or went away, no child can read.
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                while os.readv(handle, [room]):
                    pass
            finally:
                os.close(handle)


def files_under(paths: Iterable[str]) -> Iterator[str]:
    """Yield files as they are, and all files in folders and below."""
    for path in paths:
        if path.startswith(VIRTUAL):
            continue
        if not os.path.isdir(path):
            yield path
        for folder, _, names in os.walk(path):
            yield from (os.path.join(folder, name) for name in names)
