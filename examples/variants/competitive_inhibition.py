"""Competitive inhibition: neighbours in a group hold each other down before the strongest are kept.

The dictionary is cut into groups of SIZE neighbours. Each latent is inhibited by the mean of the
others in its group, as cells in a cortical column are:

    a     = relu(W_enc (x - b_dec) + b_enc)                        [B, F]
    c_i   = relu(a_i - INHIBITION * mean of a_j over j != i in i's group)
    f     = the K largest of c                                     [B, F]

Expect: one or two winners per group, so features of a group that exclude each other; values are
shrunk where a group is crowded, and explained variance pays a little. Sparsity: K. Cost: dense
scores.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch

from core import BaseTopK, BaseTopKTrainer, keep_largest

K = 32
KNOB = "K"
PARENT = "topk"
SIZE = 8
INHIBITION = 1.0


class CustomSAE(BaseTopK):
    """TopK after lateral inhibition."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)

    def select(self, centred):
        return keep_largest(inhibited(self.scores(centred)), int(self.k))


def inhibited(a_BF):
    """Return activations less the inhibition by their group; a last, short group is free."""
    whole = a_BF.shape[1] // SIZE * SIZE
    groups = a_BF[:, :whole].unflatten(-1, (-1, SIZE))
    others = (groups.sum(dim=-1, keepdim=True) - groups) / (SIZE - 1)
    held = (groups - INHIBITION * others).clamp(min=0).flatten(1)
    return torch.cat([held, a_BF[:, whole:]], dim=1)


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss."""

    k = K
