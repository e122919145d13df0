"""What "at this L0" means: one tolerance, for the search for a target L0 and for comparisons.

A search ends when the mean L0 over all seeds is at the target. A comparison takes two SAEs as
equally sparse when the one is at the L0 of the other. Seeds of one variant differ by 1 to 3 %.
"""

import math

TOLERANCE = 0.05
"""How far an SAE may be from an L0 and still be at it, as a share of that L0."""

SAME_L0 = 1 + TOLERANCE
"""The same as a factor, so that it means the same upward and downward."""

REACH = SAME_L0**2
"""Largest factor between two SAEs that are both at one target."""

AROUND = 1.1
"""How far below and above the targets a baseline is run as well, as a factor. It is more than
SAME_L0, so that L0s at a target lie between two levels of the baseline."""


MOST_USUAL, SHARE = 64, 4
"""The highest L0 that is suggested without being asked, and the divisor of a subject's dimensions
and of a dictionary above which an L0 would say little: a quarter of them would be active."""


def usual_targets(width: int, dict_size: int) -> list[int]:
    """Return the two L0s to begin with, powers of two. width: dimensions of the activations."""
    most = max(2, min(MOST_USUAL, width // SHARE, dict_size // SHARE))
    high = 1 << (most.bit_length() - 1)
    return [high // 2, high]


def is_at(l0: float, target: float) -> bool:
    """Return whether an L0 is within the tolerance of a target above 0."""
    return l0 > 0 and abs(math.log(l0 / target)) <= math.log(SAME_L0)


def shown(l0: float) -> float:
    """Return an L0 with three digits, as it is suggested for a target."""
    return float(f"{l0:.3g}")
