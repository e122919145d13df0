"""Hierarchy-promoting: a child may be active only under an active parent.

The dictionary is a tree: the parent of latent i > 0 is latent (i - 1) // CHILDREN. A child that is
stronger than its parent pays the difference:

    penalty = WEIGHT * mean_B sum over i > 0 of relu(f_i - f_parent(i))
    f [B, F], loss as TopK's otherwise

An inactive parent is the extreme case: the child pays all of itself. Expect: low latents that
become general and fire often, leaves that fire under them; explained variance pays, as in
Matryoshka SAEs. Sparsity: K. Cost: one look-up per active latent.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch

from core import BaseTopK, BaseTopKTrainer

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.02
CHILDREN = 4


class CustomSAE(BaseTopK):
    """TopK as it is."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


def violation(f_BF):
    """Return the sum over tokens and children of how much they exceed their parent."""
    parents = (torch.arange(1, f_BF.shape[1], device=f_BF.device) - 1) // CHILDREN
    return (f_BF[:, 1:] - f_BF[:, parents]).clamp(min=0).sum()


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        return WEIGHT * violation(f.dense()) / max(1, len(x))
