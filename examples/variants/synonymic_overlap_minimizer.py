"""Synonymic overlap minimiser: latents that fire together but mean different things are parted.

Of S latents drawn among those that fired, f_i their values over the batch, d_i their columns:

    together_ij  = sum_B f_i f_j / (|f_i| |f_j|)        cosine of activations, 0 to 1   [S, S]
    different_ij = 1 - (d_i . d_j)^2                    0 for synonyms, 1 at right angles
    penalty      = WEIGHT * mean over i of sum over j != i of together_ij * different_ij

So the paper's definition is read: co-activation is free for true synonyms (equal decoders) and
costs more the more two decoders differ. Expect: latents that fire more independently, as with
correlation_minimization, but here synonyms may stay. Sparsity: K.
Cost: two products, S x B x S and S x D x S, per step.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

from core import BaseTopK, BaseTopKTrainer, off_diagonal, sample_fired

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.005
SAMPLE = 256


class CustomSAE(BaseTopK):
    """TopK as it is."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


def overlap(f_BS, W_dec_DS):
    """Return, per latent on average, its co-activation with latents that point elsewhere."""
    unit_BS = f_BS / (f_BS.pow(2).sum(dim=0) + 1e-8).sqrt()
    different = 1 - (W_dec_DS.T @ W_dec_DS).pow(2)
    return off_diagonal((unit_BS.T @ unit_BS) * different).sum() / max(1, f_BS.shape[1])


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        chosen = sample_fired(f, SAMPLE)
        return WEIGHT * overlap(f.columns(chosen), self.ae.decoder.weight[:, chosen])
