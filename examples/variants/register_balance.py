"""Register balance: the style of a text is named apart, and gates the latents.

A register is a style (formal, code, chat). STYLES learned embeddings e_r compete for a token, and
each style scales every latent by a gate of its own, 1 at the start:

    p_r   = softmax over r of SHARP * cos(x - b_dec, e_r)          [B, STYLES]
    gate  = sum_r p_r * 2 sigmoid(G_r)                             [B, F], 0 to 2
    f     = the K largest of relu(W_enc (x - b_dec) + b_enc) * gate
    loss  = TopK's + WEIGHT * (STYLES * sum_r (mean_B p_r)^2 - 1)

The penalty keeps styles in balance: 0 when each has the same share of the tokens, STYLES - 1 when
one has all. Expect: latents that mean the same in every style, since what depends on the style is
in the gates. Sparsity: K. Cost: dense scores and one B x STYLES x F product.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch
from torch.nn.functional import normalize

from core import BaseTopK, BaseTopKTrainer, keep_largest

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.05
STYLES = 4
SHARP = 5.0


class CustomSAE(BaseTopK):
    """TopK with style embeddings and a gate per style and latent."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.style = torch.nn.Parameter(torch.randn(STYLES, activation_dim))
        self.gate = torch.nn.Parameter(torch.zeros(STYLES, dict_size))

    def styles(self, centred):
        """x - b_dec [B, D] -> p [B, STYLES]; rows sum to 1."""
        cosine = normalize(centred, dim=-1, eps=1e-6) @ normalize(self.style, dim=-1).T
        return torch.softmax(SHARP * cosine, dim=-1)

    def select(self, centred):
        gate = self.styles(centred) @ (2 * torch.sigmoid(self.gate))
        return keep_largest(self.scores(centred) * gate, int(self.k))


def imbalance(p_BR):
    """Return STYLES * sum of the squared mean shares - 1: 0 when all styles are used alike."""
    return p_BR.shape[1] * p_BR.mean(dim=0).pow(2).sum() - 1


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss, and styles in balance."""

    k = K

    def penalty(self, x, f, step):
        return WEIGHT * imbalance(self.ae.styles(x - self.ae.b_dec))
