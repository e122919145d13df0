"""Pace requests: all processes of one user together send no faster than a service allows.

The earliest time of the next request is stored in a small file in the shared cache. A file lock
protects it, and the kernel releases the lock if its holder dies. After a Retry-After of 60 s, no
process sends a request for 60 s. Turns are not first come, first served. A turn that would come
after the deadline is refused at once, with the number of seconds to wait.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import write_text
from fumehood_tools.web.model import NoTurn, Pace

LONGEST_PAUSE = 3600.0
USEFUL = 0.5
"""Seconds that must remain before the deadline when a turn begins, to leave time for an answer."""


class Pacer:
    """Paces the requests to all services. Its files are in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def turn(self, pace: Pace, deadline: Deadline) -> Iterator[None]:
        """Wait for a turn and hold it while the block sends its request.

        Raises NoTurn if the turn would come after the deadline.
        """
        lock = self._lock(pace.service)
        try:
            lock.acquire(timeout=max(0.0, deadline.remaining() - USEFUL), poll_interval=0.02)
        except Timeout as error:
            raise NoTurn(pace.interval) from error
        try:
            pause = self._pause(pace.service)
            if pause + USEFUL > deadline.remaining():
                raise NoTurn(pause)
            time.sleep(pause)
            self._leave(pace.service, pace.interval)
            if not pace.one_at_a_time:
                lock.release()
            try:
                yield
            finally:
                if pace.one_at_a_time:
                    self.hold_off(pace, pace.interval)
        finally:
            lock.release()

    def hold_off(self, pace: Pace, seconds: float) -> None:
        """Block all requests to a service for `seconds`, because the service asked for it."""
        if seconds > self._pause(pace.service):
            self._leave(pace.service, min(seconds, LONGEST_PAUSE))

    def _lock(self, name: str) -> FileLock:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Creating the folder for turns") from error
        return FileLock(self._folder / f"{name}.lock", thread_local=False)

    def _pause(self, name: str) -> float:
        """Return the seconds until the next request may be sent.

        The value is capped at LONGEST_PAUSE, so a clock that was set back blocks for an hour at
        most.
        """
        try:
            moment = float((self._folder / f"{name}.next").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return 0.0
        return min(max(0.0, moment - time.time()), LONGEST_PAUSE)

    def _leave(self, name: str, seconds: float) -> None:
        write_text(self._folder / f"{name}.next", repr(time.time() + seconds))
