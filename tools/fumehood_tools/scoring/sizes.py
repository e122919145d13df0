"""Measure the typical size of each latent, before any child has seen an evaluation row.

The rows are of the training split, which the variant has seen anyway. The decoder is read out at
these sizes, as decode(u_i e_i), so that it is as exact for latents of 1e-7 as for latents of 1e6.

B = rows, D = d_model, F = dictionary size.
"""

from typing import TYPE_CHECKING

from fumehood_tools.scoring.encoder import Sizes
from fumehood_tools.scoring.latents import pack
from fumehood_tools.scoring.role_child import RoleChild

if TYPE_CHECKING:
    from torch import Tensor

# The range of exponents in which sums of squares fit into float32 and bfloat16.
LOWEST, HIGHEST = -40, 40


def latent_sizes(half: RoleChild, x_BD: "Tensor") -> "Tensor":
    """Return the size of each latent on normalized rows, as powers of 2, float32 [F].

    A latent that is never active on these rows gets the median of the others. Raises RunFailed,
    IntegrityFailed.
    """
    import torch

    sizes = Sizes(half.given.dict_size)
    for f_BF in half.all(x_BD):
        sizes.add(pack(f_BF))
    fired_F = sizes.active_F > 0
    power_F = sizes.rms().log2().round().clamp(LOWEST, HIGHEST)
    middle = power_F[fired_F].median() if bool(fired_F.any()) else torch.tensor(0.0)
    return torch.exp2(torch.where(fired_F, power_F, middle))
