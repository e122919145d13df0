"""Compare a variant with a baseline at equal L0, seed by seed.

For each seed, the baseline's metric is interpolated as a function of log L0 through its levels, and
read off at the L0 that the variant has with the same seed. So the two need not have exactly the
same L0. Metrics are smooth and monotone in L0; monotone cubic interpolation (Fritsch and Carlson
1980; scipy's PCHIP) does not overshoot.
"""

import functools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

import numpy as np
from scipy.interpolate import PchipInterpolator

from fumehood_tools.bench.pareto import front
from fumehood_tools.compare.question import ScoredSae
from fumehood_tools.records.levels import REACH, SAME_L0
from fumehood_tools.registry.metrics import Metric


class Curve:
    """One metric of one baseline over L0, for one seed or for means over seeds.

    Points at the same L0 (records/levels.py) are averaged into one level, as the slope between them
    would be noise. Beyond its ends the curve is extrapolated by up to REACH, so that an SAE that is
    at a target is covered by a baseline that is at the same one. A single level has no slope: its
    value holds for SAEs at its L0, and `error_at` says how wrong it may be.
    """

    def __init__(self, l0s: Sequence[float], values: Sequence[float]) -> None:
        """Take one or more points in any order."""
        levels: list[list[tuple[float, float]]] = []
        for point in sorted(zip(l0s, values, strict=True)):
            if levels and point[0] <= SAME_L0 * levels[-1][0][0]:
                levels[-1].append(point)
            else:
                levels.append([point])
        self.l0s = [fmean(l0 for l0, _ in level) for level in levels]
        self.values = [fmean(value for _, value in level) for level in levels]

    @functools.cached_property
    def _inside(self) -> PchipInterpolator:
        return PchipInterpolator(np.log(self.l0s), self.values)

    @property
    def covers(self) -> tuple[float, float]:
        """The lowest and highest L0 for which `at` gives a value."""
        reach = REACH if self.l0s[-1] >= REACH * self.l0s[0] else SAME_L0
        return self.l0s[0] / reach, self.l0s[-1] * reach

    def at(self, l0: float) -> float | None:
        """Return the value at an L0; None if the curve does not cover it."""
        low, high = self.covers
        if not low <= l0 <= high:
            return None
        if len(self.l0s) == 1:
            return self.values[0]
        inside = min(max(l0, self.l0s[0]), self.l0s[-1])
        value = float(self._inside(math.log(inside)))
        return value + (self._slope_beyond(l0) or 0.0) * math.log(l0 / inside)

    def error_at(self, l0: float) -> float:
        """Return a signed bound on the error of `at` that comes from an unknown slope.

        0 between levels, and where the slope is known. The metrics are concave functions of L0 that
        are at least 0 at an L0 of 0, so their slope per unit of log L0 is at most their value.
        """
        nearest = min(max(l0, self.l0s[0]), self.l0s[-1])
        if self._slope_beyond(l0) is not None:
            return 0.0
        return abs(self.values[0]) * math.log(l0 / nearest)

    def _slope_beyond(self, l0: float) -> float | None:
        """Return the slope per unit of log L0 for extrapolating from the end nearer to an L0.

        The slope is taken between the end level and the nearest level at least a factor REACH away,
        since the slope between closer levels would be noise; None without such a level.
        """
        end = 0 if l0 < self.l0s[0] else -1
        far = [
            (abs(math.log(level / self.l0s[end])), level, value)
            for level, value in zip(self.l0s, self.values, strict=True)
            if abs(math.log(level / self.l0s[end])) >= math.log(REACH)
        ]
        if not far:
            return None
        _, level, value = min(far)
        return (self.values[end] - value) / math.log(self.l0s[end] / level)


def curves_by_seed(points: Iterable[ScoredSae], metric: str) -> dict[int, Curve]:
    """Return seed -> curve of a baseline; points without an L0 or the metric are skipped."""
    found: dict[int, list[ScoredSae]] = defaultdict(list)
    for point in _measured(points, metric):
        found[point.seed].append(point)
    return {
        seed: Curve([p.l0 for p in some], [p.values[metric] for p in some])
        for seed, some in found.items()
    }


def mean_curve(points: Iterable[ScoredSae], metric: str) -> Curve | None:
    """Return the curve through a baseline's means over seeds, one point per label.

    None if no point has the metric.
    """
    means = _means(points, metric).values()
    return Curve([l0 for l0, _ in means], [value for _, value in means]) if means else None


def differences(
    points: Iterable[ScoredSae], curves: dict[int, Curve], metric: str
) -> dict[str, dict[int, float]]:
    """Return label -> seed -> variant minus baseline; points that cannot be compared are absent."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for point in _measured(points, metric):
        curve = curves.get(point.seed)
        if curve is not None and (theirs := curve.at(point.l0)) is not None:
            found[point.label][point.seed] = point.values[metric] - theirs
    return dict(found)


def unknown_slope(points: Iterable[ScoredSae], curves: dict[int, Curve], metric: str) -> float:
    """Return a bound on the error of the mean difference from baselines with a single level."""
    errors = [
        curve.error_at(point.l0)
        for point in _measured(points, metric)
        if (curve := curves.get(point.seed)) is not None and curve.at(point.l0) is not None
    ]
    return abs(fmean(errors)) if errors else 0.0


def pareto_front(points: Iterable[ScoredSae], metric: Metric) -> list[str]:
    """Return the labels on the Pareto front of L0 and the metric, using means over seeds."""
    means = _means(points, metric.key)
    labels = list(means)
    return [labels[i] for i in front([(l0, metric.sign * v) for l0, v in means.values()])]


def _measured(points: Iterable[ScoredSae], metric: str) -> Iterator[ScoredSae]:
    """Yield the points that have an L0 and the metric."""
    return (point for point in points if metric in point.values and point.l0 > 0)


def _means(points: Iterable[ScoredSae], metric: str) -> dict[str, tuple[float, float]]:
    """Return label -> (mean L0, mean metric) over seeds."""
    by_label: dict[str, list[ScoredSae]] = defaultdict(list)
    for point in _measured(points, metric):
        by_label[point.label].append(point)
    return {
        label: (fmean(p.l0 for p in some), fmean(p.values[metric] for p in some))
        for label, some in by_label.items()
    }
