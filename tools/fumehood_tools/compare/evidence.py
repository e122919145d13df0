"""The evidence for a verdict: a variant's seeds compared with the baseline's at equal L0.

Seeds that both have are paired. If the two do not have the same seeds, the pairs could have been
selected (for instance with the baseline's worst seeds). Then all seeds of the variant are also
compared with all seeds of the baseline, and the more cautious of the two results counts.

Seeds of a variant that differ much less than those of the baseline may not be independent: a file
can fix its start or its data, and then all of its seeds are one draw, which may be a lucky one.
They are tested as that.
"""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.compare.matched import Curve, curves_by_seed, differences
from fumehood_tools.compare.question import ScoredSae
from fumehood_tools.compare.report import ALPHA, Effect
from fumehood_tools.compare.statistics import (
    OneDraw,
    effect,
    is_within,
    is_within_unpaired,
    one_draw,
    p_value,
    unpaired_effect,
    unpaired_p_value,
)

Levels = Mapping[str, Mapping[int, float]]


class MeasuredDifference(NamedTuple):
    """The difference of one variant from the baseline, in one metric."""

    pairs: list[float]
    """One difference per seed that both have: the mean over the levels that count."""
    ours: list[float]
    theirs: list[float]
    """Distance of every seed of either side from the baseline's mean curve. Both are empty when
    the two sides have the same seeds."""
    seeds: tuple[int, int]
    """Number of seeds of the variant and of the baseline that cover these levels."""
    draw: OneDraw | None = None
    """Set if the variant's seeds differ too little to be independent."""

    @property
    def mean(self) -> float:
        """The mean difference: the one nearer to 0 of the paired and the unpaired result.

        0 when the two have opposite signs.
        """
        paired = statistics.fmean(self.pairs)
        if not self.ours:
            return paired
        apart = statistics.fmean(self.ours) - statistics.fmean(self.theirs)
        return 0.0 if paired * apart < 0 else min(paired, apart, key=abs)

    @property
    def p(self) -> float | None:
        """The largest p of the paired test and those that apply too. None with too few seeds."""
        paired = p_value(self.pairs)
        if paired is not None and self.draw is not None:
            paired = max(paired, self.draw.p_value(self.mean))
        if paired is None or not self.ours:
            return paired
        if self.mean == 0.0:
            return 1.0
        return max(paired, unpaired_p_value(self.ours, self.theirs))

    def effect(self) -> Effect:
        """Return the difference with its interval.

        The interval covers those of all tests that apply, so it excludes 0 exactly when all of them
        do, and is within a margin exactly when all of them are.
        """
        paired = effect(self.pairs)
        if self.draw is not None and paired.low is not None and paired.high is not None:
            low, high = self.draw.interval(self.mean)
            widened = {"low": min(paired.low, low), "high": max(paired.high, high)}
            paired = paired.model_copy(update=widened)
        if not self.ours or paired.low is None or paired.high is None:
            return paired
        apart = unpaired_effect(self.ours, self.theirs)
        return Effect(
            mean=self.mean,
            low=min(paired.low, paired.low if apart.low is None else apart.low),
            high=max(paired.high, paired.high if apart.high is None else apart.high),
            seeds=paired.seeds,
        )

    def is_within(self, margin: float, level: float = ALPHA / 2) -> bool:
        """Whether all tests that apply put the difference within the margin.

        level: the largest p of each of the two one-sided tests.
        """
        if not is_within(self.pairs, margin, level):
            return False
        if self.draw is not None and not self.draw.is_within(self.mean, margin, level):
            return False
        return not self.ours or is_within_unpaired(self.ours, self.theirs, margin, level)

    def note(self, baseline: str) -> str:
        """Return a remark on seeds that may not be independent; empty if there is none."""
        if self.draw is None:
            return ""
        return (
            f"its seeds differ by {self.draw.spread:.2g}, those of {baseline} by "
            f"{self.draw.other:.2g}: they may share a fixed start or order, so they are tested as "
            "one draw, and more seeds do not help"
        )


class Baseline:
    """One metric of the baseline as a function of L0, with one curve per seed."""

    def __init__(self, points: Sequence[ScoredSae], metric: str) -> None:
        self.metric = metric
        self.curves = curves_by_seed(points, metric)
        self.points: dict[int, list[ScoredSae]] = defaultdict(list)
        self._at: dict[float, dict[int, float]] = {}
        for point in points:
            if point.seed in self.curves and metric in point.values:
                self.points[point.seed].append(point)

    def all_at(self, l0: float) -> dict[int, float]:
        """Return seed -> value at an L0, for all seeds whose value there can be determined."""
        if l0 not in self._at:
            found = {seed: self.at(seed, l0) for seed in self.curves}
            self._at[l0] = {seed: value for seed, value in found.items() if value is not None}
        return self._at[l0]

    def mean_at(self, l0: float) -> float | None:
        """Return the mean over the seeds whose curves cover an L0; None if no curve does."""
        values = [v for curve in self.curves.values() if (v := curve.at(l0)) is not None]
        return statistics.fmean(values) if values else None

    def at(self, seed: int, l0: float) -> float | None:
        """Return a seed's value at an L0; None if it cannot be determined.

        If the seed's own curve does not cover this L0, its value is estimated as the mean of the
        other seeds there, plus the seed's average distance from that mean at its own levels. This
        works because seeds differ by nearly the same amount at every L0.
        """
        if (value := self.curves[seed].at(l0)) is not None:
            return value
        mean = self.mean_at(l0)
        offsets = [
            point.values[self.metric] - at
            for point in self.points[seed]
            if (at := self.mean_at(point.l0)) is not None
            and any(c.at(point.l0) is not None for s, c in self.curves.items() if s != seed)
        ]
        return mean + statistics.fmean(offsets) if mean is not None and offsets else None


def levels_of(points: Sequence[ScoredSae], baseline: Baseline) -> dict[str, dict[int, float]]:
    """Return label -> seed -> variant minus baseline, for one variant."""
    return differences(points, baseline.curves, baseline.metric)


def tested_levels(levels: Levels) -> dict[str, dict[int, float]]:
    """Return the levels that count, restricted to the seeds that all of them have.

    These are the levels with three seeds or more, or else those with the most seeds. Levels with
    fewer (tries on the way to a target L0) are named in the report, but not tested.
    """
    most = max(levels.values(), key=len, default={})
    least = min(len(most), LEAST_SEEDS)
    whole = {label: dict(seeds) for label, seeds in levels.items() if len(seeds) >= least}
    shared = sorted(set(most).intersection(*whole.values()))
    if len(shared) < least:
        return {label: seeds for label, seeds in whole.items() if seeds.keys() == most.keys()}
    return {label: {s: seeds[s] for s in shared} for label, seeds in whole.items()}


def find(points: Sequence[ScoredSae], baseline: Baseline) -> MeasuredDifference:
    """Return the measured difference between one variant's points and a baseline."""
    tested = tested_levels(levels_of(points, baseline))
    whole = list(tested.values())
    shared = sorted(whole[0]) if whole else []
    pairs = [statistics.fmean(level[seed] for level in whole) for seed in shared]
    counted = [p for p in points if p.label in tested and baseline.metric in p.values and p.l0 > 0]
    ours = _by_seed(counted, baseline)
    theirs = _baseline_by_seed(counted, baseline)
    seeds = len(ours), len(theirs)
    draw = one_draw([*ours.values()], [*theirs.values()]) if pairs else None
    if not pairs or ours.keys() == theirs.keys() == set(shared) or min(seeds) < 2:
        return MeasuredDifference(pairs, [], [], seeds, draw)
    return MeasuredDifference(pairs, list(ours.values()), list(theirs.values()), seeds, draw)


def _by_seed(points: Sequence[ScoredSae], baseline: Baseline) -> dict[int, float]:
    """Return seed -> a variant's mean distance from the mean of the baseline's seeds."""
    apart: dict[int, list[float]] = defaultdict(list)
    for point in points:
        values = baseline.all_at(point.l0)
        if values:
            mean = statistics.fmean(values.values())
            apart[point.seed].append(point.values[baseline.metric] - mean)
    return {seed: statistics.fmean(values) for seed, values in apart.items()}


def _baseline_by_seed(points: Sequence[ScoredSae], baseline: Baseline) -> dict[int, float]:
    """Return seed -> mean distance of the baseline's own seeds from their mean.

    Evaluated at the L0 of the variant's levels.
    """
    l0s: dict[str, list[float]] = defaultdict(list)
    for point in points:
        l0s[point.label].append(point.l0)
    apart: dict[int, list[float]] = defaultdict(list)
    for some in l0s.values():
        values = baseline.all_at(statistics.fmean(some))
        for seed, value in values.items():
            apart[seed].append(value - statistics.fmean(values.values()))
    return {seed: statistics.fmean(values) for seed, values in apart.items()}


def curve_of_work(points: Sequence[ScoredSae]) -> Curve | None:
    """Return the curve of processor seconds over L0, one point per label; None if unknown."""
    by_label: dict[str, list[ScoredSae]] = defaultdict(list)
    for point in points:
        if point.work is None:
            return None
        by_label[point.label].append(point)
    if not by_label:
        return None
    return Curve(
        [statistics.fmean(p.l0 for p in some) for some in by_label.values()],
        [statistics.fmean(p.work or 0.0 for p in some) for some in by_label.values()],
    )
