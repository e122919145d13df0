"""An estimate of how many bits the latents of one token carry.

bits = sum_i h(p_i) + L0 H(size), with h the entropy of whether latent i is active, and H that of
the sizes of active latents, each in units of its latent's root mean square, pooled over latents.
Latents are not independent, so the first part is an upper bound; H is estimated from counts, which
puts it too low where there are more values than entries. Units: bits.

F = dictionary size, A = active latents of a sample of rows.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.scoring.latents import Latents

if TYPE_CHECKING:
    from torch import Tensor

STEP = 0.1
"""Sizes within a factor of 1 + STEP of each other are one, where noise of 10 % is assumed."""


class Bits(NamedTuple):
    """Bits per token: sizes as bfloat16 numbers, and sizes told apart in steps of 10 %."""

    exact: float
    at_noise: float


def bits_per_token(fired_F: "Tensor", tokens: int, sample: Latents, rms_F: "Tensor") -> Bits:
    """Return the estimate. fired_F: on how many of the tokens each latent fired."""
    import torch

    p_F = (fired_F.double() / tokens).clamp(0, 1)
    which = float((torch.special.entr(p_F) + torch.special.entr(1 - p_F)).sum()) / math.log(2)
    l0 = float(p_F.sum())
    sample = sample.sparse()
    size_A = sample.value_A.float() / rms_F[sample.index_A]
    if not len(size_A):
        return Bits(which, which)
    steps_A = (size_A.log() / torch.log(torch.tensor(1 + STEP))).round()
    return Bits(which + l0 * _entropy(size_A.bfloat16()), which + l0 * _entropy(steps_A))


def _entropy(value_A: "Tensor") -> float:
    """Return the entropy of a sample in bits."""
    import torch

    _, count = torch.unique(value_A, return_counts=True)
    return float(torch.special.entr(count.double() / count.sum()).sum()) / math.log(2)
