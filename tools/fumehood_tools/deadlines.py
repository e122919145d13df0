"""One time limit for all the steps of a task: what the first step used, the last has no more.

A deadline is handed down through calls that wait. Each asks it how long it may still wait; when
nothing is left, it raises the error that its maker chose, which says what the user can do next.
"""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class Deadline:
    """A moment after which nobody waits any more."""

    def __init__(
        self, seconds: float, late: Callable[[], Exception], clock: Clock = time.monotonic
    ) -> None:
        """late: makes the error to raise when the time is up."""
        self._late, self._clock = late, clock
        self._end = clock() + seconds

    def remaining(self) -> float:
        """Return the seconds left, 0 when it is over."""
        return max(0.0, self._end - self._clock())

    def left(self) -> float:
        """Return the seconds left. Raises the error of its maker when it is over."""
        if not (seconds := self.remaining()):
            raise self._late()
        return seconds
