"""One process at a time: a lock on a file, released by the kernel when its holder dies."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from fumehood_tools.errors import StorageFailed


@contextlib.contextmanager
def exclusive(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file at path. Calls on_wait once when another process holds it, then waits.

    Raises StorageFailed when the file cannot be made.
    """
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait()
            lock.acquire()
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Taking the lock of a cache entry") from error
    try:
        yield
    finally:
        lock.release()
