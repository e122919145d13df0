"""Correlation minimisation: latents should not correlate over tokens.

Of S latents drawn among those that fired, f_i their values over the batch:

    R_ij    = Pearson correlation of f_i and f_j over the batch          [S, S]
    penalty = WEIGHT * mean over i of sum over j != i of R_ij^2
    f [B, F], loss as TopK's otherwise

Every latent counts alike, however strong (dynamic_covariance counts strong ones more). Expect:
latents that fire more independently; where text correlates features, explained variance pays.
Sparsity: K. Cost: one S x B x S product per step.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

from core import BaseTopK, BaseTopKTrainer, off_diagonal, sample_fired

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.02
SAMPLE = 256


class CustomSAE(BaseTopK):
    """TopK as it is."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


def correlation(f_BS):
    """Return, per latent on average, the sum of its squared correlations with the others."""
    centred = f_BS - f_BS.mean(dim=0)
    unit_BS = centred / (centred.pow(2).sum(dim=0) + 1e-8).sqrt()
    return off_diagonal(unit_BS.T @ unit_BS).pow(2).sum() / max(1, f_BS.shape[1])


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        return WEIGHT * correlation(f.columns(sample_fired(f, SAMPLE)))
