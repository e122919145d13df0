"""The clock by which rentals are billed: it goes on while the machine sleeps, and never backwards.

A rental outlives processes and reboots of this machine. Within one boot its age is a difference of
ticks; after a reboot, a difference of wall-clock times.
"""

import time
from typing import Protocol

from fumehood_tools.jobs.processes import machine


class Clock(Protocol):
    """What rentals need to know about time."""

    def boot(self) -> str:
        """Return an id of this boot of the machine: ticks of two boots cannot be compared."""
        ...

    def ticks(self) -> float:
        """Return seconds since some moment of this boot; they count while the machine sleeps."""
        ...

    def epoch(self) -> float:
        """Return the wall-clock time in seconds since 1970, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class MachineClock:
    """The clock of this machine."""

    def boot(self) -> str:
        """Return the id of this boot."""
        return machine()

    def ticks(self) -> float:
        """Return the seconds since the boot."""
        # Linux: CLOCK_MONOTONIC stops while a laptop sleeps, and the pod is billed nevertheless.
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    def epoch(self) -> float:
        """Return the wall-clock time."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
