"""What a verdict on one variant stands on: its seeds against those of the baseline, at equal L0.

Seeds that both have are paired. Where their seeds are not the same, pairs alone could be a choice
(of the baseline's worst seeds, say), so all seeds of the one are held against all seeds of the
other as well, and the more careful of the two results counts.
"""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.compare.matched import Curve, curves_by_seed, differences
from fumehood_tools.compare.question import ScoredSae
from fumehood_tools.compare.report import Effect
from fumehood_tools.compare.statistics import (
    LEAST_SEEDS,
    effect,
    is_within,
    is_within_unpaired,
    p_value,
    unpaired_effect,
    unpaired_p_value,
)

Levels = Mapping[str, Mapping[int, float]]


class MeasuredDifference(NamedTuple):
    """The difference of one variant from the baseline, in one metric."""

    pairs: list[float]
    """One per seed that both have, the mean over the levels that count."""
    ours: list[float]
    theirs: list[float]
    """Every seed of either, as the distance from the baseline's mean curve; both empty when the
    seeds are the same."""
    seeds: tuple[int, int]
    """Of the variant and of the baseline, all that reach these levels."""

    @property
    def mean(self) -> float:
        """The mean difference; of the two results the one nearer to 0."""
        paired = statistics.fmean(self.pairs)
        if not self.ours:
            return paired
        apart = statistics.fmean(self.ours) - statistics.fmean(self.theirs)
        return 0.0 if paired * apart < 0 else min(paired, apart, key=abs)

    @property
    def p(self) -> float | None:
        """The p of a difference; of the two results the larger one. None: too few seeds."""
        paired = p_value(self.pairs)
        if paired is None or not self.ours:
            return paired
        if self.mean == 0.0:
            return 1.0
        return max(paired, unpaired_p_value(self.ours, self.theirs))

    def effect(self) -> Effect:
        """Return the difference with its interval, of the result that p is of."""
        paired = effect(self.pairs)
        if not self.ours:
            return paired
        apart = unpaired_effect(self.ours, self.theirs)
        return min(paired, apart, key=lambda one: abs(one.mean))

    def is_within(self, margin: float) -> bool:
        """Whether the difference is surely within the margin, however the seeds are compared."""
        if not is_within(self.pairs, margin):
            return False
        return not self.ours or is_within_unpaired(self.ours, self.theirs, margin)


class Baseline:
    """One metric of the baseline over L0, seed by seed."""

    def __init__(self, points: Sequence[ScoredSae], metric: str) -> None:
        self.metric = metric
        self.curves = curves_by_seed(points, metric)
        self.points: dict[int, list[ScoredSae]] = defaultdict(list)
        self._at: dict[float, dict[int, float]] = {}
        for point in points:
            if point.seed in self.curves and metric in point.values:
                self.points[point.seed].append(point)

    def all_at(self, l0: float) -> dict[int, float]:
        """Return seed -> value at an L0, for all seeds that can be read off there."""
        if l0 not in self._at:
            found = {seed: self.at(seed, l0) for seed in self.curves}
            self._at[l0] = {seed: value for seed, value in found.items() if value is not None}
        return self._at[l0]

    def mean_at(self, l0: float) -> float | None:
        """Return the mean over the seeds that reach an L0; None where none does."""
        values = [v for curve in self.curves.values() if (v := curve.at(l0)) is not None]
        return statistics.fmean(values) if values else None

    def at(self, seed: int, l0: float) -> float | None:
        """Return a seed's value at an L0.

        A seed that has no level near it lies as far from the others there as at its own levels:
        seeds differ by nearly the same at every L0. None where that cannot be said.
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
    """Return label -> seed -> difference of one variant."""
    return differences(points, baseline.curves, baseline.metric)


def tested_levels(levels: Levels) -> dict[str, dict[int, float]]:
    """Return the levels that count, cut to the seeds that all of them have.

    Those with three seeds or more; else those with the most. One with fewer (a try on the way
    to an L0) is named, and not tested.
    """
    most = max(levels.values(), key=len, default={})
    least = min(len(most), LEAST_SEEDS)
    whole = {label: dict(seeds) for label, seeds in levels.items() if len(seeds) >= least}
    shared = sorted(set(most).intersection(*whole.values()))
    if len(shared) < least:
        return {label: seeds for label, seeds in whole.items() if seeds.keys() == most.keys()}
    return {label: {s: seeds[s] for s in shared} for label, seeds in whole.items()}


def find(points: Sequence[ScoredSae], baseline: Baseline) -> MeasuredDifference:
    """Return the difference of one variant's points from a baseline."""
    tested = tested_levels(levels_of(points, baseline))
    whole = list(tested.values())
    shared = sorted(whole[0]) if whole else []
    pairs = [statistics.fmean(level[seed] for level in whole) for seed in shared]
    counted = [p for p in points if p.label in tested and baseline.metric in p.values and p.l0 > 0]
    ours = _by_seed(counted, baseline)
    theirs = _baseline_by_seed(counted, baseline)
    seeds = len(ours), len(theirs)
    if not pairs or ours.keys() == theirs.keys() == set(shared) or min(seeds) < 2:
        return MeasuredDifference(pairs, [], [], seeds)
    return MeasuredDifference(pairs, list(ours.values()), list(theirs.values()), seeds)


def _by_seed(points: Sequence[ScoredSae], baseline: Baseline) -> dict[int, float]:
    """Return seed -> mean distance of a variant from the mean of the baseline's seeds."""
    apart: dict[int, list[float]] = defaultdict(list)
    for point in points:
        values = baseline.all_at(point.l0)
        if values:
            mean = statistics.fmean(values.values())
            apart[point.seed].append(point.values[baseline.metric] - mean)
    return {seed: statistics.fmean(values) for seed, values in apart.items()}


def _baseline_by_seed(points: Sequence[ScoredSae], baseline: Baseline) -> dict[int, float]:
    """Return the same for the baseline's own seeds, at the variant's levels."""
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
    """Return processor seconds over L0, a point per label; None where they are not known."""
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
