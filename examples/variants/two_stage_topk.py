"""Two-stage TopK: look at the token, subtract what was seen, look again.

TopK picks all K latents from one look at x, so correlated latents crowd each other in. Here the
first half is picked from x, the second half from what the first half left over, by the same
encoder. It is one step of matching pursuit (Mallat, Zhang 1993; unrolled in SAEs: Costa et al.,
arXiv 2506.03093).

    f1    = TopK_{K/2}(relu(W_enc (x - bias) + b_enc))                 [B, F]
    r     = x - bias - W_dec f1                                        [B, D]
    f2    = TopK_{K/2}(relu(W_enc r + b_enc + b_second))               [B, F]
    f     = f1 + f2                     at most K per row; a latent picked twice adds up
    x_hat = W_dec f + b_dec + bias
    loss  = mean_B |x - x_hat|^2

Sparsity: K, which bounds the L0. Cost: a second product with the encoder; products are screened
and only active latents are touched, as in TopK (topk_encode, sparse_decode).
"""

import torch

from core import BaseSAE, BaseTrainer, geometric_median, latent_major, sparse_decode, topk_encode

K = 32
KNOB = "K"
PARENT = "topk"  # what the change is compared with: same weights, same batch, same seeds


class CustomSAE(BaseSAE):
    """BaseSAE whose encode looks twice."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size)
        self.half = max(1, min(k, dict_size) // 2)
        self.b_second = torch.nn.Parameter(torch.zeros(dict_size))
        # Without a penalty, unit columns train faster than BaseSAE's columns of norm 0.1.
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)

    def look_twice(self, x):
        """x [B, D] -> the latents of both looks, and what they leave over [B, D]."""
        encoder, rest, looks = self.encoder, x - self.bias, []
        for bias in (encoder.bias, encoder.bias + self.b_second):
            f = topk_encode(rest, encoder.weight, bias, self.half)
            looks.append(f)
            rest = rest - sparse_decode(f, self.decoder.weight)
        return looks, rest

    def encode(self, x):
        first, second = self.look_twice(x)[0]
        return first.dense(second)


class CustomTrainer(BaseTrainer):
    """Reconstruction only; the sparsity is in encode."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # A latent's numbers side by side: they are gathered.
        self.ae.decoder.weight.data = latent_major(self.ae.decoder.weight.data)

    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        # The same number as |x - ae(x)|^2, without building f.
        rest = self.ae.look_twice(x)[1]
        return (rest - self.ae.decoder.bias).pow(2).sum(dim=-1).mean()
