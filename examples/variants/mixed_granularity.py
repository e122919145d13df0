"""Mixed granularity: sparsity of single latents and of groups, at several sizes at once.

The dictionary is cut into groups of neighbours at each size of SIZES. Besides single latents,
whole groups are to be silent:

    groups_s(f) = sum over groups g of size s of sqrt(s) |f_g|_2  [B] (group lasso: Yuan, Lin 2006)
    loss        = mean_B |x - x_hat|^2
                  + L1_PENALTY * warmup * mean_B ((1 - SHARE) |f|_1 + SHARE * mean_s groups_s(f))

Expect: latents of a group that fire together; fewer active groups than L1 alone gives at the same
L0; explained variance lower at the same L0, since groups bind. Sparsity: L1_PENALTY. Cost: one pass
over f per size.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

from core import BaseSAE, BaseTrainer

L1_PENALTY = 0.08
KNOB = "L1_PENALTY"
PARENT = "standard"
SHARE = 0.5
SIZES = (4, 16, 64)


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""


def groups(f_BF, size):
    """Return sum over groups of sqrt(size) |f_g|_2, [B]; what fills no group counts as single."""
    whole = f_BF.shape[1] // size * size
    norms = (f_BF[:, :whole].unflatten(-1, (-1, size)).pow(2).sum(dim=-1) + 1e-12).sqrt()
    return size**0.5 * norms.sum(dim=-1) + f_BF[:, whole:].sum(dim=-1)


class CustomTrainer(BaseTrainer):
    """L1 of latents and of groups."""

    def loss(self, x, step, logging=False, **kwargs):
        x_hat, f = self.ae(x, output_features=True)
        at_sizes = sum(groups(f, size) for size in SIZES) / len(SIZES)
        sparsity = ((1 - SHARE) * f.sum(dim=-1) + SHARE * at_sizes).mean()
        error = (x - x_hat).pow(2).sum(dim=-1).mean()
        return error + L1_PENALTY * self.sparsity_warmup_fn(step) * sparsity
