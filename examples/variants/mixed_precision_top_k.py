"""Mixed-precision TopK: the strongest latents are kept exactly, the weaker the coarser.

The K largest latents of a token, ranked by size, fall into three bands: the first quarter is kept
as it is, the second quarter and the rest are rounded to multiples of a learned step:

    f_r   = a_r                                    r < K/4                        f [B, F]
    f_r   = step_n * max(1, round(a_r / step_n))   n = 1 for K/4 <= r < K/2, n = 2 for r >= K/2

Gradients pass the rounding as if it were not there, and reach a step through the rounding error
(Esser et al. 2020, arXiv 1902.08153). A latent keeps at least one step, so L0 is K. Expect:
explained variance a little below TopK's, by what rounding loses; weak latents that carry one bit or
two. Sparsity: K. Cost: sorting K values per token.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch

from core import BaseTopK, BaseTopKTrainer, topk_encode

K = 32
KNOB = "K"
PARENT = "topk"
FIRST_STEP = 0.05


class CustomSAE(BaseTopK):
    """TopK that rounds what is not among a token's strongest latents."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.log_step = torch.nn.Parameter(torch.full((2,), FIRST_STEP).log())

    def select(self, centred):
        f = topk_encode(centred, self.encoder.weight, self.encoder.bias, int(self.k))
        values = f.value_A.view(len(centred), -1)
        rank = values.detach().argsort(dim=-1, descending=True).argsort(dim=-1)
        rounded = by_band(values, rank, self.log_step.exp())
        return f._replace(value_A=rounded.flatten())


def by_band(values_BK, rank_BK, steps):
    """Return the values, rounded in the bands of lower rank; a 0 stays 0."""
    kept = values_BK.shape[-1]
    step = torch.where(rank_BK < kept // 2, steps[0], steps[1])
    ratio = values_BK / step
    rounded = step * (ratio + (ratio.round().clamp(min=1) - ratio).detach())
    exact = (rank_BK < kept // 4) | (values_BK <= 0)
    return torch.where(exact, values_BK, rounded)


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss: steps learn from reconstruction."""

    k = K
