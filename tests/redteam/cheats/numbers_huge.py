"""Latents and reconstructions near float32's largest: sums and squares overflow to NaN."""

import torch

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def encode(self, x):
        f = x.new_zeros(len(x), self.dict_size)
        f[:, 0] = 3e38
        return f

    def decode(self, f):
        return f[:, :1].sign() * 3e38 * torch.ones(self.activation_dim)
