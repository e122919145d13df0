"""Differences between two variants against the noise over seeds. Pure functions, no SciPy.

A difference of means lies outside the noise when it is larger than t * s * sqrt(1/n + 1/m), s the
standard deviation pooled over both groups, t the two-sided 0.5 % point of Student's distribution:
with seven metrics, about one in thirty pairs of equal variants is called different. Two seeds give
a wide band (t = 14), three a usable one (t = 5.6). Not a comparison of quality: see the table.
"""

import math
import statistics
from collections.abc import Sequence

from pydantic import BaseModel, Field

from fumehood_tools.records.scores import Metrics, Score

# degrees of freedom -> two-sided 0.5 % point; between two entries the one before counts.
_T = {
    1: 127.3,
    2: 14.09,
    3: 7.453,
    4: 5.598,
    5: 4.773,
    6: 4.317,
    7: 4.029,
    8: 3.833,
    9: 3.690,
    10: 3.581,
    12: 3.428,
    15: 3.286,
    20: 3.153,
    30: 3.030,
    60: 2.915,
}
# Smaller differences are none, however well a few seeds happen to agree. L0: share of the parent's.
SMALLEST = {
    "l0": 0.01,
    "explained_variance": 5e-4,
    "loss_recovered": 1e-3,
    "probing_top1": 2e-3,
    "probing_top5": 2e-3,
    "probing": 2e-3,
    "alive": 2e-3,
}


class Difference(BaseModel, frozen=True):
    """One metric, variant minus parent, means over seeds."""

    metric: str
    difference: float
    noise: float | None = Field(description="equal variants stay within it; null: unknown")

    @property
    def is_outside(self) -> bool:
        """Whether the difference is larger than noise makes it. False where that is not known."""
        return self.noise is not None and abs(self.difference) > self.noise

    def text(self) -> str:
        """Return the difference in words."""
        within = "" if self.noise is None else f" (noise ±{self.noise:.2g})"
        return f"{self.metric} {self.difference:+.2g}{within}"


def differences(ours: Sequence[Score], theirs: Sequence[Score]) -> list[Difference]:
    """Return one difference per metric that both have; empty when one side has no score.

    The noise is not known (null) when `theirs` has one seed: it is their spread that counts.
    """
    found = []
    for metric, smallest in SMALLEST.items():
        mine, other = _values(ours, metric), _values(theirs, metric)
        if mine and other:
            mean = statistics.fmean(other)
            floor = smallest * (abs(mean) if metric == "l0" else 1.0)
            noise = None if len(other) < 2 else max(floor, _band(mine, other))
            found.append(
                Difference(metric=metric, difference=statistics.fmean(mine) - mean, noise=noise)
            )
    return found


def are_equal(ours: Sequence[Score], theirs: Sequence[Score]) -> bool:
    """Whether every seed that both have gave the same values to the last digit but one."""
    by_seed = {score.seed: score.metrics for score in theirs}
    pairs = [(score.metrics, by_seed[score.seed]) for score in ours if score.seed in by_seed]
    return bool(pairs) and all(_is_same(mine, other) for mine, other in pairs)


def _is_same(mine: Metrics, other: Metrics) -> bool:
    pairs = [(getattr(mine, metric), getattr(other, metric)) for metric in SMALLEST]
    return all(
        a == b if a is None or b is None else math.isclose(a, b, rel_tol=1e-7, abs_tol=1e-9)
        for a, b in pairs
    )


def _values(scores: Sequence[Score], metric: str) -> list[float]:
    values = (getattr(score.metrics, metric) for score in scores)
    return [value for value in values if value is not None]


def _band(mine: list[float], other: list[float]) -> float:
    """Return how far apart the means of two equal groups may lie."""
    groups = [group for group in (mine, other) if len(group) > 1]
    freedom = sum(len(group) - 1 for group in groups)
    pooled = sum(statistics.variance(group) * (len(group) - 1) for group in groups) / freedom
    t = _T[max(known for known in _T if known <= freedom)]
    return t * math.sqrt(pooled * (1 / len(mine) + 1 / len(other)))
