"""A lock file that one process can hold at a time; the kernel releases it if that process dies."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import StorageFailed

if TYPE_CHECKING:
    from filelock import FileLock

LOCK_SECONDS = 900.0
"""Longer than any operation under a lock takes, except for a harvest."""
REMIND_SECONDS = 60.0


@contextlib.contextmanager
def exclusive(
    path: Path,
    on_wait: Callable[[], None] = lambda: None,
    seconds: float = LOCK_SECONDS,
    remind: float = REMIND_SECONDS,
) -> Iterator[None]:
    """Hold the lock file at path; wait up to `seconds` if another process holds it.

    on_wait is called when the wait begins, and again after each `remind` seconds. `seconds` may be
    infinite if the holder may work for hours: the lock is released when the holder dies. Raises
    StorageFailed when the file cannot be created or the time is up.
    """
    from filelock import FileLock  # 18 ms, which a server's start need not pay

    deadline = Deadline(seconds, lambda: _held(path, seconds))
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        wait = 0.0
        while not _acquired(lock, wait):
            on_wait()
            wait = min(remind, deadline.left())
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Taking the lock {path.name}") from error
    try:
        yield
    finally:
        lock.release()


def _acquired(lock: "FileLock", seconds: float) -> bool:
    from filelock import Timeout

    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    return True


def _held(path: Path, seconds: float) -> StorageFailed:
    return StorageFailed(
        f"Another process has held {path} for over {seconds:.0f} s. Look for a fumehood process "
        "that hangs or is stopped (fuser shows its id), end it, then repeat."
    )
