"""A histogram of how often latents are active. Importing it does not import torch."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

RAREST, BINS_PER_DECADE = 1e-5, 4


def density(fired_F: "Tensor", tokens: int) -> list[int]:
    """Return the number of latents that were never active, then the number in each bin.

    fired_F: the number of tokens, out of `tokens`, on which each latent is active. There are four
    bins of frequency per decade from 1e-5 to 1; rarer latents are counted in the first one.
    """
    import torch

    alive = fired_F[fired_F > 0].double() / tokens
    first = math.log10(RAREST)
    bins = round(-first * BINS_PER_DECADE)
    number = ((alive.log10() - first) * BINS_PER_DECADE).floor().long().clamp(0, bins - 1)
    counts = torch.bincount(number, minlength=bins)
    return [int((fired_F == 0).sum()), *counts.tolist()]
