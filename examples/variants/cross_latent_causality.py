"""Cross-latent causality: what one latent writes should not be read by another.

If latent i grows by 1, the reconstruction moves along d_i (a column of W_dec), and the
pre-activation of latent j, were it read again, by w_j . d_i (w_j: a row of W_enc). That derivative
is 0 for independent features. With S latents drawn among those that fired:

    J_ji    = w_j . d_i                                                  [S, S]
    penalty = WEIGHT * mean over i != j of J_ji^2
    f [B, F], loss as TopK's otherwise

Expect: encoder rows and decoder columns less aligned across latents, so fewer latents that answer
to the same token; a little less explained variance, because correlated features exist.
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


def causality(W_enc_SD, W_dec_DS):
    """Return the mean square of w_j . d_i over pairs i != j."""
    S = len(W_enc_SD)
    return off_diagonal(W_enc_SD @ W_dec_DS).pow(2).sum() / max(1, S * (S - 1))


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        chosen = sample_fired(f, SAMPLE)
        return WEIGHT * causality(self.ae.encoder.weight[chosen], self.ae.decoder.weight[:, chosen])
