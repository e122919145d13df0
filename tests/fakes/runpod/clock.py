"""The clock of the stand-in, and the bills that it drives, in exact arithmetic.

A bill counts nanoseconds of the clock times fractions of a dollar, and is rounded nowhere.
"""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

HOUR_NS = 3_600 * 10**9
HOURS_PER_MONTH = 730
DISK_USD = Fraction(1, 10) / HOURS_PER_MONTH
"""Price of one GB of disk of a running pod for an hour (published: 0.10 dollars a month)."""
STOPPED_DISK_USD = 2 * DISK_USD
"""The same for the volume of a stopped pod."""


class Clock:
    """Runs `pace` times as fast as real time, and can be moved forward. pace 0: only when moved."""

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = Fraction(str(pace))
        self._began, self._moved = time.monotonic_ns(), 0
        self._date = datetime.now(UTC)

    def now(self) -> int:
        """Return the nanoseconds since the clock was made."""
        return int((time.monotonic_ns() - self._began) * self._pace) + self._moved

    def advance(self, seconds: float) -> None:
        """Let this time pass at once."""
        self._moved += int(Decimal(str(seconds)) * 10**9)

    def date(self, moment: int) -> datetime:
        """Return the date of a moment of this clock."""
        return self._date + timedelta(microseconds=moment // 1000)


class Amounts(NamedTuple):
    """US dollars billed so far."""

    compute: Fraction
    disk: Fraction

    @property
    def total(self) -> Fraction:
        return self.compute + self.disk


class Bill:
    """What a pod costs, from the request that created it until it is gone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._past = Amounts(Fraction(0), Fraction(0))
        self._rates = Amounts(Fraction(0), Fraction(0))
        self._since = clock.now()

    def charge(self, compute: Fraction, disk: Fraction) -> None:
        """From now on, charge these dollars per hour."""
        self._past, self._since = self.amounts(), self._clock.now()
        self._rates = Amounts(compute, disk)

    def amounts(self) -> Amounts:
        """Return what has been billed until now."""
        hours = Fraction(self._clock.now() - self._since, HOUR_NS)
        return Amounts(
            self._past.compute + hours * self._rates.compute,
            self._past.disk + hours * self._rates.disk,
        )
