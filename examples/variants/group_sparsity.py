"""Group sparsity with learned group sizes: L1 on latents, and on soft groups whose borders move.

GROUPS groups lie side by side along the dictionary. Their sizes are learned, and a latent belongs
to a group by how far it is inside its borders:

    size_g  = F softmax(s)_g,   borders = running sums of size           [GROUPS]
    m_ig    = sigmoid((i - low_g) / SOFT) sigmoid((high_g - i) / SOFT)   [F, GROUPS]
    E_bg    = sqrt(sum_i m_ig f_bi^2)                                    [B, GROUPS]
    loss    = mean_B |x - x_hat|^2
              + L1_PENALTY * warmup * mean_B (|f|_1 + SHARE * sum_g sqrt(size_g) E_bg)

Sizes learn from the penalty alone: groups that are costly together are made smaller. Expect: whole
groups silent, latents of one group active together; explained variance lower at the same L0.
Sparsity: L1_PENALTY. Cost: one B x F x GROUPS product.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch

from core import BaseSAE, BaseTrainer

L1_PENALTY = 0.05
KNOB = "L1_PENALTY"
PARENT = "standard"
SHARE = 0.2
GROUPS = 32
SOFT = 2.0


class CustomSAE(BaseSAE):
    """BaseSAE that owns the sizes of its groups."""

    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.log_size = torch.nn.Parameter(torch.zeros(GROUPS))


def membership(log_size_G, dict_size):
    """Return m [F, GROUPS], about 1 inside a group, and the sizes [GROUPS], which sum to F."""
    size = dict_size * torch.softmax(log_size_G, dim=0)
    high = size.cumsum(dim=0)
    place = torch.arange(dict_size, device=size.device)[:, None] + 0.5
    inside = torch.sigmoid((place - (high - size)) / SOFT) * torch.sigmoid((high - place) / SOFT)
    return inside, size


def group_norms(f_BF, log_size_G):
    """Return sum over groups of sqrt(size) * norm of the group's latents, [B]."""
    inside, size = membership(log_size_G, f_BF.shape[1])
    energy = (f_BF.pow(2) @ inside + 1e-12).sqrt()
    return energy @ size.sqrt()


class CustomTrainer(BaseTrainer):
    """L1 of latents and of learned groups."""

    def loss(self, x, step, logging=False, **kwargs):
        x_hat, f = self.ae(x, output_features=True)
        sparsity = (f.sum(dim=-1) + SHARE * group_norms(f, self.ae.log_size)).mean()
        error = (x - x_hat).pow(2).sum(dim=-1).mean()
        return error + L1_PENALTY * self.sparsity_warmup_fn(step) * sparsity
