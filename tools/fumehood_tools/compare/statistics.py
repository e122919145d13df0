"""The statistical tests of a comparison.

Paired and unpaired differences over seeds, noise, equivalence, correction for multiple tries, and
power. scipy does the arithmetic; these functions choose the tests and their inputs.
"""

import bisect
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.compare.report import ALPHA, Effect

SUSPECT = 0.1
"""Seeds of a variant may share a draw if so small a spread has at most this probability."""
_POWER = 0.8
_MOST_SEEDS = 1_000
_MOST_SIZE = 1e4
"""Differences of more standard deviations than this are not looked for."""


def effect(pairs: Sequence[float]) -> Effect:
    """Return the mean and 95 % confidence interval (Student) of one or more paired differences.

    A single difference has no interval.
    """
    if len(pairs) < 2:
        return Effect(mean=float(np.mean(pairs)), low=None, high=None, seeds=len(pairs))
    if np.ptp(pairs) == 0:
        mean = float(pairs[0])
        return Effect(mean=mean, low=mean, high=mean, seeds=len(pairs))
    low, high = stats.ttest_1samp(pairs, 0.0).confidence_interval(1 - ALPHA)
    return Effect(mean=float(np.mean(pairs)), low=float(low), high=float(high), seeds=len(pairs))


def p_value(pairs: Sequence[float]) -> float | None:
    """Return the two-sided p of a paired t test; None with fewer than two pairs.

    Differences that are all equal have no spread to test with: p is 1 if they are 0, else 0.
    """
    if len(pairs) < 2:
        return None
    if np.ptp(pairs) == 0:
        return 1.0 if pairs[0] == 0 else 0.0
    return float(stats.ttest_1samp(pairs, 0.0).pvalue)


def unpaired_effect(ours: Sequence[float], theirs: Sequence[float]) -> Effect:
    """Return the mean difference and 95 % interval (Welch) of two sets of two or more seeds."""
    mean, seeds = float(np.mean(ours) - np.mean(theirs)), len(ours)
    if np.ptp(ours) == 0 and np.ptp(theirs) == 0:
        return Effect(mean=mean, low=mean, high=mean, seeds=seeds)
    found = stats.ttest_ind(ours, theirs, equal_var=False)
    low, high = found.confidence_interval(1 - ALPHA)
    return Effect(mean=mean, low=float(low), high=float(high), seeds=seeds)


def unpaired_p_value(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the two-sided p of Welch's t test; without a spread it is 1 or 0, as in `p_value`."""
    if np.ptp(ours) == 0 and np.ptp(theirs) == 0:
        return 1.0 if ours[0] == theirs[0] else 0.0
    return float(stats.ttest_ind(ours, theirs, equal_var=False).pvalue)


def is_within_unpaired(
    ours: Sequence[float], theirs: Sequence[float], margin: float, level: float = ALPHA / 2
) -> bool:
    """Whether two one-sided Welch tests put the difference of two sets of seeds in the margin."""
    if np.ptp(ours) == 0 and np.ptp(theirs) == 0:
        return abs(ours[0] - theirs[0]) < margin
    shifted = np.asarray(ours)
    above = stats.ttest_ind(shifted + margin, theirs, equal_var=False, alternative="greater")
    below = stats.ttest_ind(shifted - margin, theirs, equal_var=False, alternative="less")
    return bool(max(above.pvalue, below.pvalue) <= level)


class OneDraw(NamedTuple):
    """What is left to chance if seeds of a variant share a draw: a fixed start, or a fixed order.

    Then their mean is as far from what the method gives as a single seed would be, however many
    there are, and their small spread does not show it. error: the standard error of the difference.
    """

    spread: float
    """The standard deviation of the variant's seeds, and `other` that of the baseline's."""
    other: float
    error: float
    freedom: int

    def p_value(self, mean: float) -> float:
        """Return the two-sided p of a mean difference."""
        return float(2 * stats.t.sf(abs(mean) / self.error, self.freedom))

    def interval(self, mean: float) -> tuple[float, float]:
        """Return the 95 % interval of a mean difference."""
        reach = float(stats.t.isf(ALPHA / 2, self.freedom)) * self.error
        return mean - reach, mean + reach

    def is_within(self, mean: float, margin: float, level: float) -> bool:
        """Whether two one-sided tests put the mean between -margin and margin."""
        room = margin - abs(mean)
        return room > 0 and float(stats.t.sf(room / self.error, self.freedom)) <= level


def one_draw(ours: Sequence[float], theirs: Sequence[float]) -> OneDraw | None:
    """Return what chance leaves if the seeds of a variant differ too little to be independent.

    None if they differ as much as those of the baseline, or by chance less (an F test with
    p above SUSPECT). What they share is estimated as the variance that they lack. ours, theirs: one
    number per seed, at equal L0.
    """
    if min(len(ours), len(theirs)) < LEAST_SEEDS:
        return None
    own, other = float(np.var(ours, ddof=1)), float(np.var(theirs, ddof=1))
    freedom = len(theirs) - 1
    if own >= other * float(stats.f.ppf(SUSPECT, len(ours) - 1, freedom)):
        return None
    error = math.sqrt(own / len(ours) + other / len(theirs) + other - own)
    return OneDraw(math.sqrt(own), math.sqrt(other), error, freedom)


def is_within(pairs: Sequence[float], margin: float, level: float = ALPHA / 2) -> bool:
    """Whether two one-sided tests (Schuirmann 1987) put the mean between -margin and margin.

    level: the largest p of each. With half of ALPHA, both succeed exactly when the 95 % interval is
    in the margin.
    """
    if len(pairs) < 2:
        return False
    if np.ptp(pairs) == 0:
        return abs(pairs[0]) < margin
    above = stats.ttest_1samp(pairs, -margin, alternative="greater")
    below = stats.ttest_1samp(pairs, margin, alternative="less")
    return bool(max(above.pvalue, below.pvalue) <= level)


def adjusted(ps: Mapping[str, float], tries: int) -> dict[str, float]:
    """Return Benjamini-Hochberg adjusted p values in a family of `tries` hypotheses.

    Tries without a p value count with p = 1.
    """
    if not ps:
        return {}
    others = [1.0] * max(0, tries - len(ps))
    found = stats.false_discovery_control([*ps.values(), *others], method="bh")
    return {name: float(p) for name, p in zip(ps, found, strict=False)}


def adjusted_by_direction(
    ps: Mapping[str, float], means: Mapping[str, float], tries: int
) -> dict[str, float]:
    """Return adjusted p values, with gains and losses each corrected in a family of `tries`.

    In each family, variants that point the other way count with p = 1. In a single family, many
    variants that are clearly worse would make it easier for a small gain to be significant, since
    Benjamini-Hochberg relaxes the threshold with every small p value.
    """
    found: dict[str, float] = {}
    for sign in (1, -1):
        ours = {name: p for name, p in ps.items() if (means[name] >= 0) == (sign > 0)}
        found |= adjusted(ours, tries)
    return found


def seed_spread(by_label: Mapping[str, Sequence[float]]) -> tuple[float, int] | None:
    """Return (standard deviation over seeds, degrees of freedom) of a baseline, pooled over levels.

    None when no level has two seeds.
    """
    groups = [values for values in by_label.values() if len(values) > 1]
    freedom = sum(len(values) - 1 for values in groups)
    if not freedom:
        return None
    squares = sum(float(np.var(values, ddof=1)) * (len(values) - 1) for values in groups)
    return math.sqrt(squares / freedom), freedom


def noise_floor(spread: float, freedom: int, seeds: int) -> float:
    """Return the difference that the means of two sets of n seeds of the baseline rarely exceed.

    In 95 cases of 100 they differ by less than t * s * sqrt(2 / n), where s is the spread.
    """
    return float(stats.t.ppf(1 - ALPHA / 2, freedom)) * spread * math.sqrt(2 / seeds)


def seeds_above_noise(difference: float, spread: float, freedom: int) -> int | None:
    """Return the number of seeds at which the noise floor falls below a difference.

    None when it is more than 1,000.
    """
    if difference == 0:
        return None
    ratio = noise_floor(spread, freedom, 1) / abs(difference)
    seeds = max(LEAST_SEEDS, math.floor(ratio**2) + 1)
    return seeds if seeds <= _MOST_SEEDS else None


def seeds_needed(difference: float, spread: float, tries: int) -> int | None:
    """Return the number of seeds with which a paired test finds a difference in 8 of 10 cases.

    The test uses the significance level that the smallest of `tries` p values must reach.
    spread: standard deviation of one pair. None when more than 1,000 seeds would be needed.
    """
    if spread <= 0:
        return LEAST_SEEDS
    return _fewest(abs(difference) / spread, ALPHA / max(1, tries) / 2, _POWER)


def detectable(spread: float, seeds: int, tries: int) -> float:
    """Return the true difference that a paired test finds in 8 of 10 cases with so many seeds.

    The significance level is the one of `seeds_needed`. spread: standard deviation of one pair.
    """
    if spread <= 0:
        return 0.0
    critical = float(stats.t.isf(ALPHA / max(1, tries) / 2, seeds - 1))

    def missing(size: float) -> float:
        return float(stats.nct.sf(critical, seeds - 1, size * math.sqrt(seeds))) - _POWER

    high = 1.0
    while missing(high) < 0 and high < _MOST_SIZE:
        high *= 2
    return float(optimize.brentq(missing, 0.0, high)) * spread if missing(high) >= 0 else math.inf


def seeds_for_equal(difference: float, spread: float, margin: float) -> int | None:
    """Return the number of seeds with which two one-sided tests put a difference within the margin.

    They succeed together in 8 of 10 cases, each one in 9 of 10. None when the difference is not
    within the margin, or 1,000 seeds are too few.
    """
    room = margin - abs(difference)
    if room <= 0:
        return None
    if spread <= 0:
        return LEAST_SEEDS
    return _fewest(room / spread, ALPHA / 2, 1 - (1 - _POWER) / 2)


def _fewest(size: float, level: float, power: float) -> int | None:
    """Return the smallest number of seeds with which a one-sided t test reaches the power.

    Power grows with the number of seeds, so a binary search finds it. size: difference over the
    standard deviation. The power is computed from the noncentral t distribution, as statsmodels'
    TTestPower returns nan for some inputs.
    """

    def is_enough(seeds: int) -> bool:
        critical = stats.t.isf(level, seeds - 1)
        return bool(stats.nct.sf(critical, seeds - 1, size * math.sqrt(seeds)) >= power)

    seeds = range(LEAST_SEEDS, _MOST_SEEDS + 1)
    place = bisect.bisect_left(seeds, True, key=is_enough)
    return seeds[place] if place < len(seeds) else None
