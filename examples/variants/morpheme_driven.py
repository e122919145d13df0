"""Morpheme-driven: an affix needs its stem.

The first half of the dictionary are stems, the second half affixes; affix i belongs to stem
i - F/2. An affix that fires on a token without its stem pays its own activation:

    penalty = WEIGHT * mean_B sum over affixes i of f_i * 1[f_(i - F/2) = 0]
    f [B, F], loss as TopK's otherwise

Expect: affixes that fire less, or together with their stems, so pairs of latents that work as one;
explained variance pays, since half of the dictionary is bound. Sparsity: K. Cost: one look-up per
active latent.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

from core import BaseTopK, BaseTopKTrainer

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.02


class CustomSAE(BaseTopK):
    """TopK as it is."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


def orphaned(f_BF):
    """Return the sum of the affixes' activations on tokens where their stem is silent."""
    half = f_BF.shape[1] // 2
    stems, affixes = f_BF[:, :half], f_BF[:, half : 2 * half]
    return (affixes * (stems == 0)).sum()


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        return WEIGHT * orphaned(f.dense()) / max(1, len(x))
