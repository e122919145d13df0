"""The Pareto front of sparsity and quality: what nothing else beats in both."""

import math
from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of (L0, quality) points with no other at a lower L0 and higher quality.

    In order of L0; of points with the same L0 the best one.
    """
    order = sorted(range(len(points)), key=lambda index: (points[index][0], -points[index][1]))
    found, best = [], -math.inf
    for index in order:
        if points[index][1] > best:
            found.append(index)
            best = points[index][1]
    return found
