"""Search for the value of a sparsity knob at which a variant has a target L0.

Each try is a complete training with a score of its own; two to four tries are usual. The search
assumes that L0 is roughly a power law of the knob, so it finds the root of log(L0 / target) as a
function of log(knob):

- first try: the value in the file;
- all tries on one side of the target: a secant step, limited to a factor of _LARGEST_STEP;
- tries on both sides: linear interpolation between the nearest two, kept away from their ends
  (regula falsi with a safeguard, so that the bracket always shrinks).

A try is made with one seed. The value that it leads to is run with all seeds, and only their mean
L0 decides whether it is a hit (records/levels.py). If it is not, the search goes on, and expects
the same ratio of that mean to the first seed's L0 at all other values.

This module only computes values. The caller trains the SAEs and reports their L0.
"""

import math
from typing import NamedTuple

from fumehood_tools.records.levels import is_at

MOST_TRIES = 8
_LARGEST_STEP = 8.0
# Replaces an L0 below 0.5 in logarithms (an L0 of 0 has none).
_LEAST = 0.5
# An interpolated point stays this share of the bracket away from both ends.
_EDGE = 0.1


class Try(NamedTuple):
    """One value of the knob, and the resulting L0.

    first: the L0 of the first seed. l0: the mean over `seeds` seeds; if seeds is 0, it is only
    expected.
    """

    value: float
    first: float
    l0: float
    seeds: int = 0


class Aim:
    """One search. Train with `next_value` and report its L0 to `take`, until it is None.

    Then run the best value with all seeds and report their mean to `confirm`, until `is_settled`.
    """

    def __init__(self, start: int | float, target: float) -> None:
        """start: the value in the file; if it is an int, all values are. Both must be above 0."""
        self.target, self.is_count = target, isinstance(start, int)
        self.tries: list[Try] = []
        self._next: int | float | None = start
        self._given_up = False
        self._ratio = 1.0  # of the mean over all seeds to the first seed

    @property
    def next_value(self) -> int | float | None:
        """The value to try next, or None if the search has ended."""
        return self._next

    @property
    def best(self) -> Try:
        """The try nearest to the target."""
        return min(self.tries, key=lambda tried: abs(self._miss(tried)))

    @property
    def hit(self) -> bool:
        """True if the best try is at the target."""
        return is_at(self.best.l0, self.target)

    @property
    def is_settled(self) -> bool:
        """True if nothing is left to try, and the best value was run with all seeds."""
        return self._next is None and (not self.tries or self.best.seeds > 0)

    def take(self, l0: float) -> None:
        """Report the L0 that `next_value` led to, and choose the next value."""
        assert self._next is not None, "the search has ended"
        self.tries.append(Try(self._next, l0, self._ratio * l0))
        self._go_on()

    def confirm(self, l0: float, seeds: int) -> None:
        """Report the mean L0 of the best value over all seeds, and go on if it is no hit."""
        tried = self.best
        self._ratio = l0 / tried.first if tried.first and l0 else 1.0
        self.tries[self.tries.index(tried)] = tried._replace(l0=l0, seeds=seeds)
        self.tries = [
            one if one.seeds else one._replace(l0=self._ratio * one.first) for one in self.tries
        ]
        self._go_on()

    def _go_on(self) -> None:
        ends = self._given_up or self.hit or len(self.tries) >= MOST_TRIES
        self._next = None if ends else self._propose()

    def give_up(self) -> None:
        """End the search because training with `next_value` gave no score."""
        self._next, self._given_up = None, True

    def _miss(self, tried: Try) -> float:
        """Return log(L0 / target)."""
        return math.log(max(tried.l0, _LEAST) / self.target)

    def _propose(self) -> int | float | None:
        """Return a new value to try, or None if the proposed value was tried already."""
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
        """Return log(value) of the next try if all tries so far are on one side of the target."""
        nearest = self.best
        miss = self._miss(nearest)
        others = [t for t in self.tries if t.value != nearest.value]
        slope = self._first_slope(nearest)
        if others:
            last = others[-1]
            rise = miss - self._miss(last)
            measured = rise / (math.log(nearest.value) - math.log(last.value))
            # If the knob hardly changed L0, the small slope leads to the largest allowed step. If
            # it did not change L0 at all (every latent is dead), the search turns around.
            slope = math.copysign(max(abs(measured), 1e-6), measured or -slope)
        most = math.log(_LARGEST_STEP)
        return math.log(nearest.value) + min(most, max(-most, -miss / slope))

    def _first_slope(self, tried: Try) -> float:
        # A value close to its L0 is probably a number of latents (L0 grows with it); any other
        # value is assumed to be a penalty (L0 falls with it).
        is_count = tried.value >= 1 and 0.5 < tried.value / max(tried.l0, _LEAST) < 2.0
        return 1.0 if is_count else -1.0
