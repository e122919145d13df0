"""How good is a ranking: nDCG@10, P@1, and whether one ranker really beats another.

Pure functions over ids and grades. Written out because sklearn's `ndcg_score` takes grades as
linear gains and wants a score for every paper; given gains of 2^g - 1 it agrees (tested).
"""

from collections.abc import Mapping, Sequence
from math import log2
from typing import NamedTuple


class Difference(NamedTuple):
    """New minus old, paired by query, with a bootstrap confidence interval of the mean."""

    mean: float
    low: float
    high: float

    @property
    def is_real(self) -> bool:
        return self.low > 0 or self.high < 0


def ndcg(ranked: Sequence[str], judgements: Mapping[str, int], k: int = 10) -> float:
    """Return the gain of the first k ids, discounted by rank, as a share of the best possible.

    Gain 2^grade - 1, discount log2(1 + rank), after Järvelin and Kekäläinen (2002) in the
    form of Burges et al. (2005). Raises ValueError for an id that is ranked twice.
    """
    if len(set(ranked)) < len(ranked):
        raise ValueError("An id is ranked twice, so its gain would count twice. Rank each once.")
    got = _discounted([judgements.get(paper, 0) for paper in ranked[:k]])
    return got / _discounted(sorted(judgements.values(), reverse=True)[:k])


def precision_at_1(ranked: Sequence[str], judgements: Mapping[str, int]) -> float:
    """Return 1.0 where the first id is relevant, of either grade, else 0.0."""
    return float(bool(ranked) and ranked[0] in judgements)


def paired_difference(
    new: Sequence[float], old: Sequence[float], *, level: float = 0.95, seed: int = 0
) -> Difference:
    """Compare two rankers by their scores for the same queries in the same order.

    Percentile bootstrap over queries (Efron, 1979), 9,999 resamples. Queries are the sample:
    nothing is said about other papers. Raises ValueError unless both have the same two or more.
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
