"""How often latents fire: a histogram over their firing frequencies. Constants are light."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

RAREST, BINS_PER_DECADE = 1e-5, 4


def density(fired_F: "Tensor", tokens: int) -> list[int]:
    """Return how many latents never fired, then how many in each bin of their firing frequency.

    fired_F: on how many of the tokens each fired. Four bins per decade from 1e-5 to 1; what is
    rarer or more frequent is in the outer ones.
    """
    import torch

    alive = fired_F[fired_F > 0].double() / tokens
    first = math.log10(RAREST)
    bins = round(-first * BINS_PER_DECADE)
    number = ((alive.log10() - first) * BINS_PER_DECADE).floor().long().clamp(0, bins - 1)
    counts = torch.bincount(number, minlength=bins)
    return [int((fired_F == 0).sum()), *counts.tolist()]
