"""Measure the quality of a ranking: nDCG@10, P@1, and whether one ranker really beats another.

Pure functions over ids and grades. sklearn's `ndcg_score` is not used because it takes grades as
linear gains and needs a score for every paper. With gains of 2^g - 1 it agrees (a test checks it).
"""

from collections.abc import Mapping, Sequence
from math import log2
from typing import NamedTuple


class Difference(NamedTuple):
    """Mean of new minus old, paired by query, with a bootstrap confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def is_real(self) -> bool:
        return self.low > 0 or self.high < 0


def ndcg(ranked: Sequence[str], judgements: Mapping[str, int], k: int = 10) -> float:
    """Return the discounted gain of the first k ids, as a share of the best possible.

    The gain is 2^grade - 1 and the discount log2(1 + rank): Järvelin and Kekäläinen (2002) in the
    form of Burges et al. (2005). Raises ValueError for an id that is ranked twice.
    """
    if len(set(ranked)) < len(ranked):
        raise ValueError("An id is ranked twice, so its gain would count twice. Rank each once.")
    got = _discounted([judgements.get(paper, 0) for paper in ranked[:k]])
    return got / _discounted(sorted(judgements.values(), reverse=True)[:k])


def precision_at_1(ranked: Sequence[str], judgements: Mapping[str, int]) -> float:
    """Return 1.0 if the first id is relevant (grade 1 or 2), else 0.0."""
    return float(bool(ranked) and ranked[0] in judgements)


def paired_difference(
    new: Sequence[float], old: Sequence[float], *, level: float = 0.95, seed: int = 0
) -> Difference:
    """Compare two rankers by their scores for the same queries in the same order.

    Percentile bootstrap over queries (Efron, 1979) with 9,999 resamples. Only queries are
    resampled, so nothing is said about other papers. Raises ValueError unless both have scores
    for the same two or more queries.
    """
    import numpy as np
    from scipy.stats import bootstrap

    differences = [a - b for a, b in zip(new, old, strict=True)]
    low, high = bootstrap(
        (differences,), np.mean, confidence_level=level, method="percentile", rng=seed
    ).confidence_interval
    return Difference(sum(differences) / len(differences), float(low), float(high))


def _discounted(grades: Sequence[int]) -> float:
    return sum((2**grade - 1) / log2(1 + rank) for rank, grade in enumerate(grades, start=1))
