"""One time limit shared by all steps of a task: time used by one step is not left for the next.

A deadline is passed down through calls that wait. Each call asks it for the remaining time. When no
time is left, the deadline raises the error chosen by its creator, which says what to do next.
"""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class Deadline:
    """A point in time after which no step may wait any longer."""

    def __init__(
        self,
        seconds: float,
        late: Callable[[], Exception],
        clock: Clock = time.monotonic,
        *,
        within: "Deadline | None" = None,
    ) -> None:
        """Start the clock. late: creates the error to raise when the time is up.

        within: the deadline of the whole task, which this one never exceeds.
        """
        self._late, self._clock, self._within = late, clock, within
        self._end = clock() + seconds

    def remaining(self) -> float:
        """Return the seconds left; 0 when the time is up."""
        own = max(0.0, self._end - self._clock())
        return own if self._within is None else min(own, self._within.remaining())

    def end(self) -> None:
        """Let the time be up now, for every thread that asks: nobody waits for the result."""
        self._end = float("-inf")

    def left(self) -> float:
        """Return the seconds left. Raises the error from `late` when the time is up."""
        if not (seconds := self.remaining()):
            raise self._late()
        return seconds
