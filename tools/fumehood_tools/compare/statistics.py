"""The tests: differences over seeds, paired and not, noise, equivalence, many tries, power.

All of it is scipy's and statsmodels' arithmetic; here it is only said what goes in.
"""

import bisect
import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW, ttost_ind

from fumehood_tools.compare.report import ALPHA, Effect

LEAST_SEEDS = 3
_POWER = 0.8
_MOST_SEEDS = 1_000


def effect(pairs: Sequence[float]) -> Effect:
    """Return mean and 95 % interval (Student) of paired differences, one or more."""
    if len(pairs) < 2:
        return Effect(mean=float(np.mean(pairs)), low=None, high=None, seeds=len(pairs))
    if np.ptp(pairs) == 0:
        mean = float(pairs[0])
        return Effect(mean=mean, low=mean, high=mean, seeds=len(pairs))
    low, high = stats.ttest_1samp(pairs, 0.0).confidence_interval(1 - ALPHA)
    return Effect(mean=float(np.mean(pairs)), low=float(low), high=float(high), seeds=len(pairs))


def p_value(pairs: Sequence[float]) -> float | None:
    """Return the two-sided p of a paired t test; None with fewer than two pairs.

    Pairs that are all the same number have no spread to test with: 1 for zeros, else 0.
    """
    if len(pairs) < 2:
        return None
    if np.ptp(pairs) == 0:
        return 1.0 if pairs[0] == 0 else 0.0
    return float(stats.ttest_1samp(pairs, 0.0).pvalue)


def unpaired_effect(ours: Sequence[float], theirs: Sequence[float]) -> Effect:
    """Return mean difference and 95 % interval (Welch) of two sets of seeds, two or more each."""
    mean, seeds = float(np.mean(ours) - np.mean(theirs)), len(ours)
    if np.ptp(ours) == 0 and np.ptp(theirs) == 0:
        return Effect(mean=mean, low=mean, high=mean, seeds=seeds)
    found = stats.ttest_ind(ours, theirs, equal_var=False)
    low, high = found.confidence_interval(1 - ALPHA)
    return Effect(mean=mean, low=float(low), high=float(high), seeds=seeds)


def unpaired_p_value(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the two-sided p of Welch's t test; as in `p_value` without a spread."""
    if np.ptp(ours) == 0 and np.ptp(theirs) == 0:
        return 1.0 if ours[0] == theirs[0] else 0.0
    return float(stats.ttest_ind(ours, theirs, equal_var=False).pvalue)


def is_within_unpaired(ours: Sequence[float], theirs: Sequence[float], margin: float) -> bool:
    """Whether two one-sided tests put the difference of two sets of seeds within the margin."""
    if np.ptp(ours) == 0 and np.ptp(theirs) == 0:
        return abs(ours[0] - theirs[0]) < margin
    p, _, _ = ttost_ind(np.asarray(ours), np.asarray(theirs), -margin, margin, usevar="unequal")
    return bool(p <= ALPHA)


def is_within(pairs: Sequence[float], margin: float) -> bool:
    """Whether two one-sided tests (Schuirmann 1987) put the mean between -margin and margin."""
    if len(pairs) < 2:
        return False
    if np.ptp(pairs) == 0:
        return abs(pairs[0]) < margin
    p, _, _ = DescrStatsW(np.asarray(pairs)).ttost_mean(-margin, margin)
    return bool(p <= ALPHA)


def adjusted(ps: Mapping[str, float], tries: int) -> dict[str, float]:
    """Return Benjamini-Hochberg adjusted p values in a family of `tries`.

    What was tried and has no p of its own stands in the family with p = 1.
    """
    if not ps:
        return {}
    others = [1.0] * max(0, tries - len(ps))
    found = stats.false_discovery_control([*ps.values(), *others], method="bh")
    return {name: float(p) for name, p in zip(ps, found, strict=False)}


def adjusted_by_direction(
    ps: Mapping[str, float], means: Mapping[str, float], tries: int
) -> dict[str, float]:
    """Return adjusted p values, gains and losses each corrected in a family of `tries`.

    In either, what points the other way stands with p = 1. In one family, a crowd of crippled
    variants, surely worse, would lower what a small gain has to reach.
    """
    found: dict[str, float] = {}
    for sign in (1, -1):
        ours = {name: p for name, p in ps.items() if (means[name] >= 0) == (sign > 0)}
        found |= adjusted(ours, tries)
    return found


def seed_spread(by_label: Mapping[str, Sequence[float]]) -> tuple[float, int] | None:
    """Return a baseline's standard deviation over seeds, pooled over its levels, and its degrees
    of freedom; None when no level has two seeds."""
    groups = [values for values in by_label.values() if len(values) > 1]
    freedom = sum(len(values) - 1 for values in groups)
    if not freedom:
        return None
    squares = sum(float(np.var(values, ddof=1)) * (len(values) - 1) for values in groups)
    return math.sqrt(squares / freedom), freedom


def noise_floor(spread: float, freedom: int, seeds: int) -> float:
    """Return what the means of two sets of `seeds` seeds of the baseline differ by at most.

    95 times in 100: t * s * sqrt(2 / n).
    """
    return float(stats.t.ppf(1 - ALPHA / 2, freedom)) * spread * math.sqrt(2 / seeds)


def seeds_needed(difference: float, spread: float, tries: int) -> int | None:
    """Return the seeds at which a paired test finds a difference in 8 of 10 cases.

    spread: standard deviation of one pair. At the level that the smallest of `tries` p values must
    reach. None when more than 1,000 would be needed.
    """
    if spread <= 0:
        return LEAST_SEEDS
    return _fewest(abs(difference) / spread, ALPHA / max(1, tries) / 2, _POWER)


def seeds_for_equal(difference: float, spread: float, margin: float) -> int | None:
    """Return the seeds at which two one-sided tests put a difference within the margin.

    In 8 of 10 cases, each of the two in 9. None when it is not within, or 1,000 are too few.
    """
    room = margin - abs(difference)
    if room <= 0:
        return None
    if spread <= 0:
        return LEAST_SEEDS
    return _fewest(room / spread, ALPHA, 1 - (1 - _POWER) / 2)


def _fewest(size: float, level: float, power: float) -> int | None:
    """Return the seeds at which a one-sided t test has the power; it grows with them.

    By Student's non-central distribution itself: statsmodels' TTestPower is nan here and there.
    """

    def is_enough(seeds: int) -> bool:
        critical = stats.t.isf(level, seeds - 1)
        return bool(stats.nct.sf(critical, seeds - 1, size * math.sqrt(seeds)) >= power)

    seeds = range(LEAST_SEEDS, _MOST_SEEDS + 1)
    place = bisect.bisect_left(seeds, True, key=is_enough)
    return seeds[place] if place < len(seeds) else None
