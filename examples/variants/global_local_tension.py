"""Global-local tension: a few latents hold for the whole text, the others for a token.

The first GLOBAL latents are global. A global latent should be steady over the batch; its
instability is its variance relative to its mean square:

    unsteady_g = Var_B f_g / (mean_B f_g)^2                 0 for a constant, (1-p)/p if it fires
    penalty    = WEIGHT * mean over global g that fired of log(1 + unsteady_g)     on a share p
    f [B, F], loss as TopK's otherwise; nothing is asked of local latents

The tension: a steady global latent takes a place among the K of every token. Expect: a few dense
latents, the others sparser, explained variance about equal or lower. Sparsity: K. Cost: small.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch

from core import BaseTopK, BaseTopKTrainer

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.02
GLOBAL = 64


class CustomSAE(BaseTopK):
    """TopK as it is."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


def instability(f_BG):
    """Return log(1 + variance / mean^2), mean over those of the latents that fired."""
    mean = f_BG.mean(dim=0)
    fired = mean > 0
    unsteady = f_BG.var(dim=0, unbiased=False) / (mean.pow(2) + 1e-8)
    return torch.where(fired, unsteady, 0.0).log1p().sum() / fired.sum().clamp(min=1)


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss and the penalty."""

    k = K

    def penalty(self, x, f, step):
        chosen = torch.arange(min(GLOBAL, self.ae.dict_size), device=x.device)
        return WEIGHT * instability(f.columns(chosen))
