"""Dynamic covariance: latents should not vary together, around a mean that follows training.

Of S latents drawn among those that fired, f_i their values over the batch, m_i a running mean of
latent i over past batches (kept in the SAE, used in training only):

    C_ij    = mean_B (f_i - m_i) (f_j - m_j)                             [S, S]
    penalty = WEIGHT * sum over i != j of C_ij^2 / sum over i of C_ii^2
    m      <- MOMENTUM * m + (1 - MOMENTUM) * mean_B f

Scaled by the latents' own variances, so that shrinking all of them does not help. Strong latents
count most (correlation_minimization counts all alike). Expect: co-activation of strong latents to
fall, explained variance to fall a little. Sparsity: K. Cost: one S x B x S product per step.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch

from core import BaseTopK, BaseTopKTrainer, off_diagonal, sample_fired

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.02
MOMENTUM = 0.99
SAMPLE = 256


class CustomSAE(BaseTopK):
    """TopK with a running mean of its latents."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.register_buffer("mean", torch.zeros(dict_size))


def covariance(f_BS, mean_S):
    """Return the squared covariances of pairs i != j over the squared variances."""
    centred = f_BS - mean_S
    C = centred.T @ centred / max(1, len(f_BS))
    return off_diagonal(C).pow(2).sum() / (C.diagonal().pow(2).sum() + 1e-12)


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        chosen = sample_fired(f, SAMPLE)
        f_BS, mean = f.columns(chosen), self.ae.mean
        mean.mul_(MOMENTUM).index_add_(
            0, f.index_A, f.value_A.detach(), alpha=(1 - MOMENTUM) / max(1, len(x))
        )
        return WEIGHT * covariance(f_BS, mean[chosen])
