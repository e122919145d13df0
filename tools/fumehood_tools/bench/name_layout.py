"""Place names along a margin, as near as possible to their points. Imported by the child only.

The names keep the order of their points, so that the lines from points to names do not cross near
the margin. Among all placements in that order with enough space between names, the one with the
least sum of squared distances is chosen: subtracting the required spacing turns this into isotonic
regression, which scipy solves.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression


def spread(wanted: Sequence[float], height: float, low: float, high: float) -> list[float | None]:
    """Return the position of each name, at least `height` apart and between low and high.

    If there is no room for all names, an evenly spaced selection is kept and the others are None.
    """
    order = np.argsort(np.asarray(wanted, dtype=float), kind="stable")
    room = int((high - low) // height) + 1
    if len(order) > room:
        kept = np.linspace(0, len(order) - 1, max(room, 0)).round().astype(int)
        order = order[np.unique(kept)]
    steps = height * np.arange(len(order))
    free = np.asarray([wanted[index] for index in order]) - steps
    placed = isotonic_regression(free).x if len(order) else free
    last = high - (steps[-1] if len(order) else 0.0)
    found: list[float | None] = [None] * len(wanted)
    for index, place in zip(order, np.clip(placed, low, last) + steps, strict=True):
        found[int(index)] = float(place)
    return found
