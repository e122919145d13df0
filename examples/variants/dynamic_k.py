"""Dynamic k: every token gets as many latents as a learned head thinks it needs.

The 2 K largest latents of a token are candidates, ranked r = 0, 1, … by size. A linear head says
how many of them are kept, K on average:

    k(x)  = 2 K sigmoid(w . (x - b_dec) + c)                       scalar per token, 0 to 2 K
    f_r   = a_r * 1[r < k(x)]                                      [B, F], at most 2 K per row
    loss  = TopK's + WEIGHT * (mean_B k(x) / K - 1)^2

The step passes gradients as sigmoid((k(x) - r - 1/2) / SOFT) would (straight-through), so the head
learns where one more latent pays. Expect: more explained variance at the same mean L0, since hard
tokens take latents from easy ones, as in BatchTopK, but decided per token. Sparsity: K, the mean
L0. Cost: twice TopK's candidates.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch

from core import BaseTopK, BaseTopKTrainer, topk_encode

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 1.0
SOFT = 2.0


class CustomSAE(BaseTopK):
    """TopK with a head that says how many latents a token gets."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.head = torch.nn.Linear(activation_dim, 1)
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)

    def budget(self, centred):
        """x - b_dec [B, D] -> k(x) [B]."""
        return 2 * self.k * torch.sigmoid(self.head(centred)).squeeze(-1)

    def select(self, centred):
        f = topk_encode(centred, self.encoder.weight, self.encoder.bias, 2 * int(self.k))
        values = f.value_A.view(len(centred), -1)
        rank = values.detach().argsort(dim=-1, descending=True).argsort(dim=-1)
        return f._replace(value_A=(values * keep(rank, self.budget(centred))).flatten())


def keep(rank_BK, budget_B):
    """Return 1 where rank < budget, else 0; gradients as of a sigmoid around that edge."""
    distance = budget_B[:, None] - rank_BK - 0.5
    soft = torch.sigmoid(distance / SOFT)
    return (distance > -0.5).float() + soft - soft.detach()


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss, and the mean budget held at K."""

    k = K

    def penalty(self, x, f, step):
        mean = self.ae.budget(x - self.ae.b_dec).mean()
        return WEIGHT * (mean / K - 1) ** 2
