"""Orthogonal features: decoder columns at right angles.

Of S latents drawn among those that fired, d_i the columns of W_dec (unit norm):

    G_ij    = d_i . d_j                                                  [S, S]
    penalty = WEIGHT * mean over i != j of G_ij^2
    f [B, F], loss as TopK's otherwise

Expect: a dictionary whose columns share less; 1,536 columns in 576 dimensions cannot be orthogonal
(the mean of G_ij^2 is 1/D for directions at random), so explained variance pays for it.
Sparsity: K. Cost: one S x D x S product more per step.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

from core import BaseTopK, BaseTopKTrainer, off_diagonal, sample_fired

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 10.0
SAMPLE = 256


class CustomSAE(BaseTopK):
    """TopK as it is."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


def overlap(W_dec_DS):
    """Return the mean square of d_i . d_j over pairs i != j."""
    S = W_dec_DS.shape[1]
    return off_diagonal(W_dec_DS.T @ W_dec_DS).pow(2).sum() / max(1, S * (S - 1))


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        return WEIGHT * overlap(self.ae.decoder.weight[:, sample_fired(f, SAMPLE)])
