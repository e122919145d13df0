"""Synonym-factor merging: latents that are offsets of a core factor are pulled into it.

The first CORES latents are core factors. Every REFRESH steps each other latent i is assigned to the
core with the largest cosine, c(i): one step of clustering. What d_i has besides its core is its
offset, and of those latents that are nearer than NEAR it is penalised:

    offset_i = 1 - (d_i . d_c(i))^2                                      square of the offset's norm
    penalty  = WEIGHT * mean over i with d_i . d_c(i) > NEAR of offset_i
    f [B, F], loss as TopK's otherwise

Expect: clusters of near-copies around the cores, whose work is then done by one of them: fewer
distinct features, less explained variance. A wrong idea for reconstruction, kept as the paper has
it. Sparsity: K. Cost: F x D x CORES per REFRESH steps, and one pass over W_dec per step.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch

from core import BaseTopK, BaseTopKTrainer

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.05
CORES = 64
NEAR = 0.1
REFRESH = 20


class CustomSAE(BaseTopK):
    """TopK that remembers to which core each latent belongs."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.register_buffer("core", torch.full((dict_size,), -1))


@torch.no_grad()
def nearest_core(W_dec_DF):
    """Return which core each latent is nearest to, int64 [F]; a core is its own."""
    cores = min(CORES, W_dec_DF.shape[1])
    nearest = (W_dec_DF.T @ W_dec_DF[:, :cores]).argmax(dim=-1)
    nearest[:cores] = torch.arange(cores, device=nearest.device)
    return nearest


def offsets(W_dec_DF, core_F):
    """Return the mean squared offset of the latents that are near their core; cores excepted."""
    cosine = (W_dec_DF * W_dec_DF[:, core_F]).sum(dim=0)
    near = (cosine.detach() > NEAR).float()
    near[: min(CORES, len(core_F))] = 0.0
    return (near * (1 - cosine.pow(2))).sum() / near.sum().clamp(min=1)


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        W_dec_DF, core_F = self.ae.decoder.weight, self.ae.core
        if step % REFRESH == 0 or core_F[0] < 0:
            core_F.copy_(nearest_core(W_dec_DF))
        return WEIGHT * offsets(W_dec_DF, core_F)
