"""Partitioned Gram L1: within a group of latents, decoder columns at right angles.

The dictionary is cut into groups of SIZE neighbours. Of GROUPS of them, drawn anew at each step,
G_g = D_g^T D_g being the Gram matrix of a group's columns:

    penalty = WEIGHT * mean over groups and i != j of |G_g,ij|
    f [B, F], loss as TopK's otherwise

The L1 norm asks for exact zeros, as L1 on latents does. Expect: groups whose columns are mutually
orthogonal (SIZE is far below D, so this is possible) at hardly any cost in explained variance.
Sparsity: K. Cost: GROUPS products of SIZE x D x SIZE per step.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch

from core import BaseTopK, BaseTopKTrainer, off_diagonal

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.5
SIZE = 16
GROUPS = 32


class CustomSAE(BaseTopK):
    """TopK as it is."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


def gram_l1(W_dec_DF, groups, size):
    """Return the mean |d_i . d_j| over pairs i != j within the groups with these numbers."""
    members = groups[:, None] * size + torch.arange(size, device=groups.device)
    columns = W_dec_DF.T[members]
    inner = off_diagonal(columns @ columns.mT).abs().sum()
    return inner / max(1, len(groups) * size * (size - 1))


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        groups = torch.randperm(self.ae.dict_size // SIZE, device=x.device)[:GROUPS]
        return WEIGHT * gram_l1(self.ae.decoder.weight, groups, SIZE)
