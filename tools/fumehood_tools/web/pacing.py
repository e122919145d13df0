"""Take turns at a service: the processes of one user ask no faster than it allows.

The moment before which nobody may ask lies in a small file of the shared cache, behind a lock that
the kernel drops when its holder dies. A service that said "in 60 s" is left alone that long, by
everybody. Fairness is not promised; a turn that would come too late is refused at once, with the
seconds until asking makes sense.
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
"""Seconds that must be left for an answer when a turn begins."""


class Pacer:
    """Turns at all services, kept in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def turn(self, pace: Pace, deadline: Deadline) -> Iterator[None]:
        """Wait for a turn and hold it while the block asks.

        Raises NoTurn when none comes before the deadline.
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
        """Let nobody ask a service for so many seconds: it asked for that."""
        if seconds > self._pause(pace.service):
            self._leave(pace.service, min(seconds, LONGEST_PAUSE))

    def _lock(self, name: str) -> FileLock:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Making the folder for turns") from error
        return FileLock(self._folder / f"{name}.lock", thread_local=False)

    def _pause(self, name: str) -> float:
        """Return the seconds that nobody may ask; a clock set back costs an hour at most."""
        try:
            moment = float((self._folder / f"{name}.next").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return 0.0
        return min(max(0.0, moment - time.time()), LONGEST_PAUSE)

    def _leave(self, name: str, seconds: float) -> None:
        write_text(self._folder / f"{name}.next", repr(time.time() + seconds))
