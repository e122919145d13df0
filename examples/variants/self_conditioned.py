"""Self-conditioned: the pattern of all activations gates each of them, and use is evened out.

A first look gives a = relu(W_enc (x - b_dec) + b_enc). A summary of the whole pattern, through
RANK learned directions, decides how much each latent may say:

    z       = a P                                                  [B, RANK]
    gate    = 2 sigmoid(z Q + c)                                   [B, F], 1 at the start
    f       = the K largest of a * gate
    m_i     = mean_B f_i,   loss = TopK's + WEIGHT * log(F sum_i m_i^2 / (sum_i m_i)^2)

The penalty is 0 when all latents are used alike and log(F) when one does all. Expect: context
decides between latents that answer to the same token; fewer dead latents. Sparsity: K.
Cost: dense scores, two B x F x RANK products.

Definition: Shinkle, Jang, Thibodeau 2025, section 3.
"""

import torch

from core import BaseTopK, BaseTopKTrainer, keep_largest

K = 32
KNOB = "K"
PARENT = "topk"
WEIGHT = 0.01
RANK = 16


class CustomSAE(BaseTopK):
    """TopK whose latents are gated by the pattern of all of them."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.summary = torch.nn.Parameter(torch.randn(dict_size, RANK) / dict_size**0.5)
        self.gate = torch.nn.Parameter(torch.zeros(RANK, dict_size))
        self.gate_bias = torch.nn.Parameter(torch.zeros(dict_size))

    def select(self, centred):
        a = self.scores(centred)
        return keep_largest(a * self.gates(a), int(self.k))

    def gates(self, a):
        """a [B, F] -> gate [B, F], 0 to 2."""
        return 2 * torch.sigmoid(a @ self.summary @ self.gate + self.gate_bias)


def unevenness(sum_F):
    """Return log(F sum m^2 / (sum m)^2) : 0 when all m are equal."""
    share = sum_F / (sum_F.sum() + 1e-8)
    return (len(sum_F) * share.pow(2).sum() + 1e-8).log()


class CustomTrainer(BaseTopKTrainer):
    """TopK's loss, and latents used alike."""

    k = K

    def penalty(self, x, f, step):
        total = f.value_A.new_zeros(self.ae.dict_size).index_add(0, f.index_A, f.value_A)
        return WEIGHT * unevenness(total)
