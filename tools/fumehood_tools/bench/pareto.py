"""The Pareto front of sparsity and quality: the points that no other point beats in both."""

import math
from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the (L0, quality) points on the front, in order of L0.

    A point is on the front if no other point has a lower L0 and a higher quality. Of points with
    the same L0, only the best one is.
    """
    order = sorted(range(len(points)), key=lambda index: (points[index][0], -points[index][1]))
    found, best = [], -math.inf
    for index in order:
        if points[index][1] > best:
            found.append(index)
            best = points[index][1]
    return found
