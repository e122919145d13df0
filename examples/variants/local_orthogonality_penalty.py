"""Local orthogonality: latents that fire on the same token should write at right angles.

Of each of the first TOKENS tokens of a batch, the TOP strongest latents and their columns d:

    penalty = WEIGHT * mean over tokens and pairs i != j of (d_i . d_j)^2
    f [B, F], loss as TopK's otherwise

Global orthogonality asks for what cannot be had; this asks it only of latents that are used
together. Expect: strong latents of a token that share less of it; explained variance about equal.
Sparsity: K. Cost: TOKENS Gram matrices of TOP x TOP per step.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

from core import BaseTopK, BaseTopKTrainer, off_diagonal

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 1.0
TOP = 8
TOKENS = 128


class CustomSAE(BaseTopK):
    """TopK as it is."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


def local_overlap(columns_NTD):
    """Return the mean of (d_i . d_j)^2 over tokens and pairs i != j of their columns."""
    N, T, _ = columns_NTD.shape
    inner = off_diagonal(columns_NTD @ columns_NTD.mT).pow(2).sum()
    return inner / max(1, N * T * (T - 1))


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        if not len(x):
            return 0.0
        values = f.value_A.view(len(x), -1)[:TOKENS]
        best = values.topk(min(TOP, values.shape[1]), dim=-1).indices
        strongest = f.index_A.view(len(x), -1)[:TOKENS].gather(1, best).long()
        return WEIGHT * local_overlap(self.ae.decoder.weight.T[strongest])
