"""Compare the difference between two variants with the noise over seeds. Pure functions, no SciPy.

A difference of means is outside the noise when it is larger than t * s * sqrt(1/n + 1/m), where s
is the standard deviation pooled over both groups, and t is the two-sided 0.5 % point of Student's
distribution. With seven metrics, about one in thirty pairs of equal variants is called different.
Two seeds give a wide band (t = 14), three a usable one (t = 5.6). This does not say which variant
is better: `compare_variants` does.
"""

import math
import statistics
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field

from fumehood_tools.records.scores import Score
from fumehood_tools.registry.lookup import chosen_metrics
from fumehood_tools.registry.metrics import Metric

LEAST_SEEDS = 3
"""Seeds that a verdict needs."""

# degrees of freedom -> two-sided 0.5 % point. Between two entries, the smaller degrees of freedom
# (hence the larger t) are used.
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


class Difference(BaseModel, frozen=True):
    """The difference in one metric: the variant's mean over seeds minus its parent's."""

    metric: str
    difference: float
    noise: float | None = Field(description="equal variants stay within it; null: unknown")

    @property
    def is_outside(self) -> bool:
        """Whether the difference is larger than the noise. False if the noise is not known."""
        return self.noise is not None and abs(self.difference) > self.noise

    def text(self) -> str:
        """Return the difference as text, with the noise if it is known."""
        within = "" if self.noise is None else f" (noise ±{self.noise:.2g})"
        return f"{self.metric} {self.difference:+.2g}{within}"


def differences(ours: Sequence[Score], theirs: Sequence[Score]) -> list[Difference]:
    """Return one difference per metric that both have; empty when one side has no score.

    The noise is unknown (null) when `theirs` has one seed: the parent's own spread is required.
    """
    found = []
    for metric in _held_against_noise():
        mine, other = _values(ours, metric), _values(theirs, metric)
        if mine and other:
            mean = statistics.fmean(other)
            noise = None if len(other) < 2 else max(_smallest(metric, mean), _band(mine, other))
            found.append(
                Difference(metric=metric.key, difference=statistics.fmean(mine) - mean, noise=noise)
            )
    return found


def that_matter(found: Sequence[Difference], theirs: Sequence[Score]) -> list[str]:
    """Return the metrics that differ by more than what does not matter: the margin of verdicts.

    For a metric without a margin, it is the smallest difference that counts. theirs: the parent's.
    """
    by_key = {metric.key: metric for metric in _held_against_noise()}
    large = []
    for difference in found:
        metric = by_key[difference.metric]
        least = _smallest(metric, statistics.fmean(_values(theirs, metric)))
        if abs(difference.difference) > max(metric.margin or 0.0, least):
            large.append(metric.key)
    return large


def are_equal(ours: Sequence[Score], theirs: Sequence[Score]) -> bool:
    """Whether every seed that both have gave the same metrics, up to rounding (1e-7 relative)."""
    by_seed = {score.seed: score.metrics for score in theirs}
    pairs = [(score.metrics, by_seed[score.seed]) for score in ours if score.seed in by_seed]
    return bool(pairs) and all(_is_same(mine, other) for mine, other in pairs)


def _is_same(mine: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether two SAEs agree in every metric that was measured for both."""
    keys = [m.key for m in _held_against_noise() if m.key in mine and m.key in other]
    return all(math.isclose(mine[key], other[key], rel_tol=1e-7, abs_tol=1e-9) for key in keys)


def _held_against_noise() -> tuple[Metric, ...]:
    return chosen_metrics(lambda metric: metric.smallest is not None)


def _smallest(metric: Metric, mean: float) -> float:
    """Return the difference that counts as zero even where a few seeds agree by chance.

    mean: the parent's mean, for metrics whose smallest difference is relative to it.
    """
    return (metric.smallest or 0.0) * (abs(mean) if metric.relative else 1.0)


def _values(scores: Sequence[Score], metric: Metric) -> list[float]:
    return [score.metrics[metric.key] for score in scores if metric.key in score.metrics]


def _band(mine: list[float], other: list[float]) -> float:
    """Return the largest difference of means that noise explains: t * s * sqrt(1/n + 1/m)."""
    groups = [group for group in (mine, other) if len(group) > 1]
    freedom = sum(len(group) - 1 for group in groups)
    pooled = sum(statistics.variance(group) * (len(group) - 1) for group in groups) / freedom
    t = _T[max(known for known in _T if known <= freedom)]
    return t * math.sqrt(pooled * (1 / len(mine) + 1 / len(other)))
