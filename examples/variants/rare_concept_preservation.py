"""Rare-concept preservation: a latent that fires seldom is paid for firing.

p_i is a running share of tokens on which latent i fires (kept in the SAE, used in training only),
K / F the share it would have if all were used alike:

    rarity_i = relu(1 - p_i F / K)                                       [F], 0 to 1
    penalty  = -WEIGHT * mean_B sum_F rarity_i * f_i / (1 + f_i)
    p       <- MOMENTUM * p + (1 - MOMENTUM) * share of the batch

Expect: more latents alive, and more of them rare; little change of explained variance. The reward
is bounded per latent: it cannot outbid reconstruction. Sparsity: K. Cost: none to speak of.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch

from core import BaseTopK, BaseTopKTrainer

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.03
MOMENTUM = 0.99


class CustomSAE(BaseTopK):
    """TopK that remembers how often each latent fires."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.register_buffer("usage", torch.zeros(dict_size))


def reward(value_A, rarity_A):
    """Return the sum over active latents of rarity * f / (1 + f)."""
    return (rarity_A * value_A / (1 + value_A)).sum()


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        usage, batch = self.ae.usage, max(1, len(x))
        rarity = (1 - usage * self.ae.dict_size / K).clamp(min=0)
        fired = (f.value_A.detach() > 0).float()
        usage.mul_(MOMENTUM).index_add_(0, f.index_A, fired, alpha=(1 - MOMENTUM) / batch)
        return -WEIGHT * reward(f.value_A, rarity[f.index_A]) / batch
