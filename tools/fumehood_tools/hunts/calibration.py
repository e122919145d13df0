"""From measurements to a score: 0 is a random control, 1 is the best latent there is. Light."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from fumehood_tools.hunts.records import Measure

LOWEST = -1.0
"""A worse score is not told apart."""


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
    least: float = 1e-6,
) -> Measure:
    """Return a measurement with its score.

    value: of the answer; None: there is none, which scores 0. counts: whether the answer is within
    the guard; outside, it scores 0. The score is None if the best latent is not `least` above the
    mean of the controls, so that there is nothing to find.
    """
    mean, spread = fmean(random), stdev(random) if len(random) > 1 else 0.0
    score: float | None
    if best is None or best - mean <= least:
        score = None
    elif value is None or not counts:
        score = 0.0
    else:
        score = score_of(value, mean, best)
    return Measure(
        value=mean if value is None else value,
        random=mean,
        random_spread=spread,
        best=best,
        best_latent=best_latent,
        score=score,
    )


def score_of(value: float, random: float, best: float | None) -> float:
    """Return where a value lies between a random control (0) and the best (1), at least LOWEST."""
    if best is None or best <= random:
        return 0.0
    return min(1.0, max(LOWEST, (value - random) / (best - random)))


def joined(scores: Sequence[float | None]) -> float | None:
    """Return the mean of the scores that exist; None if none does."""
    found = [one for one in scores if one is not None]
    return fmean(found) if found else None


def relative_to(own: float | None, best: float | None) -> float | None:
    """Return a joint score as a share of the best joint score; None if nothing was to be found."""
    if own is None or best is None or best <= 0:
        return None
    return min(1.0, max(LOWEST, own / best))


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of the repeats and Student's 95 % interval."""
    mean = fmean(values) if values else 0.0
    if len(values) < 2:
        return Interval(mean, None, None)
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)
