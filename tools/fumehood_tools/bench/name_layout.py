"""Spread names along a margin, as near as they may to what they name. Imported by the child only.

The names keep the order of their points, so that lines from point to name do not cross near the
margin; distances are least squares (isotonic regression of scipy).
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression


def spread(wanted: Sequence[float], height: float, low: float, high: float) -> list[float | None]:
    """Return where each name goes: at least `height` apart, between low and high.

    Where there is no room for all, those in the middle of the crowd are left out (None).
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
