"""The Pareto front of sparsity and quality: the points that no other point beats in both.

An L0 that is higher by a factor of at most SAME_L0 is no disadvantage: a search for a target L0
accepts such a difference, so a point could not be told from its neighbor by it.
"""

from collections.abc import Sequence

from fumehood_tools.records.levels import SAME_L0


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the (L0, quality) points on the front, in order of L0.

    Points are taken in order of quality, best first. A point is on the front if no point that is
    already there has an L0 higher by at most a factor of SAME_L0.
    """
    best_first = sorted(range(len(points)), key=lambda at: (-points[at][1], points[at][0]))
    found: list[int] = []
    sparsest = float("inf")
    for at in best_first:
        l0 = points[at][0]
        if sparsest > l0 * SAME_L0:
            found.append(at)
            sparsest = min(sparsest, l0)
    return sorted(found, key=lambda at: points[at][0])
