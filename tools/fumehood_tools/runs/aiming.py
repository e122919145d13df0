"""The search for the value of a sparsity knob at which a variant has a wanted L0.

Each try is a whole training, so that it is a score like any other; two to four are usual. L0 and
knob are related by a power law as far as the tries show it: a secant step in log-log, or between
two tries on either side, an interpolation there. Pure: whoever runs the SAEs tells what came out.
"""

import math
from typing import NamedTuple

TOLERANCE = 0.05
"""Relative distance from the target that is near enough; seeds differ by 1 to 3 %."""
MOST_TRIES = 8
_LARGEST_STEP = 8.0
# A latent on one token in two: what an L0 of 0 counts as, since it has no logarithm.
_LEAST = 0.5
# Shares of a bracket that an interpolation may not enter: it would hardly shrink it.
_EDGE = 0.1


class Try(NamedTuple):
    """One value of the knob, and the L0 it gave."""

    value: float
    l0: float


class Aim:
    """One search. Ask `next_value`, train with it, tell `take`, until there is no next value."""

    def __init__(self, start: int | float, target: float) -> None:
        """start: the value in the file, whose type all values have; both above 0."""
        self.target, self.is_count = target, isinstance(start, int)
        self.tries: list[Try] = []
        self._next: int | float | None = start

    @property
    def next_value(self) -> int | float | None:
        """The value to try next; None when the search has ended."""
        return self._next

    @property
    def best(self) -> Try:
        """The try nearest to the target."""
        return min(self.tries, key=lambda tried: abs(self._miss(tried)))

    @property
    def hit(self) -> bool:
        """Whether the best try is near enough."""
        return abs(self.best.l0 / self.target - 1) <= TOLERANCE

    def take(self, l0: float) -> None:
        """Tell which L0 the next value gave."""
        assert self._next is not None, "the search has ended"
        self.tries.append(Try(self._next, l0))
        self._next = None if self.hit or len(self.tries) >= MOST_TRIES else self._propose()

    def give_up(self) -> None:
        """Tell that the next value gave no score."""
        self._next = None

    def _miss(self, tried: Try) -> float:
        """Return log(L0 / target)."""
        return math.log(max(tried.l0, _LEAST) / self.target)

    def _propose(self) -> int | float | None:
        """Return a value that was not tried yet, None when there is none between two counts."""
        low = max((t for t in self.tries if self._miss(t) <= 0), key=self._miss, default=None)
        high = min((t for t in self.tries if self._miss(t) > 0), key=self._miss, default=None)
        if low is not None and high is not None:
            logarithm = self._between(low, high)
        else:
            logarithm = self._beyond()
        exact = math.exp(logarithm)
        value = max(1, round(exact)) if self.is_count else float(f"{exact:.4g}")
        return None if any(value == tried.value for tried in self.tries) else value

    def _between(self, low: Try, high: Try) -> float:
        share = self._miss(low) / (self._miss(low) - self._miss(high))
        share = min(1 - _EDGE, max(_EDGE, share))
        return (1 - share) * math.log(low.value) + share * math.log(high.value)

    def _beyond(self) -> float:
        """Return the logarithm of a value further out than all tries, which are all on one side."""
        nearest = self.best
        miss = self._miss(nearest)
        others = [t for t in self.tries if t.value != nearest.value]
        slope = self._first_slope(nearest)
        if others:
            last = others[-1]
            rise = miss - self._miss(last)
            measured = rise / (math.log(nearest.value) - math.log(last.value))
            # A knob that hardly moves L0 is turned as far as one step may go; one that did not
            # move it at all (every latent dead) back the other way.
            slope = math.copysign(max(abs(measured), 1e-6), measured or -slope)
        most = math.log(_LARGEST_STEP)
        return math.log(nearest.value) + min(most, max(-most, -miss / slope))

    def _first_slope(self, tried: Try) -> float:
        # A value that is about the L0 is a count of latents; any other is taken for a penalty.
        is_count = tried.value >= 1 and 0.5 < tried.value / max(tried.l0, _LEAST) < 2.0
        return 1.0 if is_count else -1.0
