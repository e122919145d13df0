"""An estimate of how many bits the latents of one token carry.

bits = sum_i h(p_i) + L0 * H(size). h(p_i) is the binary entropy of latent i being active with
frequency p_i. H is the entropy of the sizes of active latents, pooled over latents, each in units
of its latent's root mean square. Latents are not independent, so the first term is an upper bound.
H is estimated from counts, which is too low when there are more distinct values than entries.

F = dictionary size, A = active latents of a sample of rows.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.scoring.latents import Latents

if TYPE_CHECKING:
    from torch import Tensor

STEP = 0.1
"""With 10 % of noise, sizes within a factor of 1 + STEP of each other count as one size."""


class Bits(NamedTuple):
    """Bits per token: with sizes as bfloat16 numbers, and with sizes in steps of 10 %."""

    exact: float
    at_noise: float


def bits_per_token(fired_F: "Tensor", tokens: int, sample: Latents, rms_F: "Tensor") -> Bits:
    """Return the estimated bits per token.

    fired_F: the number of tokens, out of `tokens`, on which each latent is active. sample: latents
    of some rows. rms_F: the size of each latent.
    """
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
    """Return the entropy of the values in bits, from their counts."""
    import torch

    _, count = torch.unique(value_A, return_counts=True)
    return float(torch.special.entr(count.double() / count.sum()).sum()) / math.log(2)
