"""From measurements to a score: 0 is a random control, 1 is the best latent there is. Light."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from fumehood_tools.hunts.records import Measure

LOWEST = -1.0
"""A worse score is not told apart."""
_CERTAIN = 2.0
"""The best latent must be this many standard deviations of the controls above their mean."""


class Interval(NamedTuple):
    """A mean with its 95 % interval; None for fewer than two values."""

    mean: float
    low: float | None
    high: float | None


def measured(
    value: float | None,
    random: Sequence[float],
    best: float | None,
    best_latent: int | None,
    *,
    counts: bool = True,
) -> Measure:
    """Return a measurement with its score.

    value: of the answer; None: there is none, which scores 0. counts: whether the answer is within
    the guard; outside, it scores 0. The score is None if the best latent is not above the controls.
    """
    mean, spread = fmean(random), stdev(random) if len(random) > 1 else 0.0
    score: float | None
    if best is None or best - mean <= max(_CERTAIN * spread, 1e-6):
        score = None
    elif value is None or not counts:
        score = 0.0
    else:
        score = min(1.0, max(LOWEST, (value - mean) / (best - mean)))
    return Measure(
        value=mean if value is None else value,
        random=mean,
        random_spread=spread,
        best=best,
        best_latent=best_latent,
        score=score,
    )


def joined(parts: Sequence[Measure]) -> float:
    """Return the mean of the scores that exist; 0 if none does."""
    found = [one.score for one in parts if one.score is not None]
    return fmean(found) if found else 0.0


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of the repeats and Student's 95 % interval."""
    mean = fmean(values)
    if len(values) < 2:
        return Interval(mean, None, None)
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)
