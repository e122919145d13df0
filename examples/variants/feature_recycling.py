"""Feature recycling: no two latents may point the same way; the second is freed for something else.

Of S latents drawn among those that fired, c_ij = d_i . d_j the cosine of their decoder columns:

    penalty = WEIGHT * mean over i of sum over j != i of relu(|c_ij| - MARGIN)
    f [B, F], loss as TopK's otherwise

Only pairs that are closer than MARGIN pay: unlike orthogonal_feature it leaves honest neighbours
alone and pushes duplicates apart. Expect: fewer near-duplicates, about the same explained variance.
Sparsity: K. Cost: one S x D x S product more per step.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

from core import BaseTopK, BaseTopKTrainer, off_diagonal, sample_fired

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.05
MARGIN = 0.1
SAMPLE = 256


class CustomSAE(BaseTopK):
    """TopK as it is."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


def duplication(W_dec_DS, margin):
    """Return, per latent on average, by how much its cosines with others exceed the margin."""
    cosines = off_diagonal(W_dec_DS.T @ W_dec_DS)
    return (cosines.abs() - margin).clamp(min=0).sum() / max(1, W_dec_DS.shape[1])


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        return WEIGHT * duplication(self.ae.decoder.weight[:, sample_fired(f, SAMPLE)], MARGIN)
