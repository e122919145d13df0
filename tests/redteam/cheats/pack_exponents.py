"""Seven sign bits in the exponent of every latent: 2 % of noise does not reach an exponent."""

import torch
from torch.nn.functional import pad

from core import BaseSAE

DECODER = "nonlinear"
TRAIN = False
GROUP, SIZE = 7, 0.1


class CustomSAE(BaseSAE):
    def encode(self, x):
        groups = -(-self.activation_dim // GROUP)
        bits = pad((x > 0).long(), (0, groups * GROUP - self.activation_dim))
        code = (bits.view(len(x), groups, GROUP) * 2 ** torch.arange(GROUP)).sum(-1)
        f = x.new_zeros(len(x), self.dict_size)
        f[:, :groups] = torch.exp2(0.5 * (code.float() - 64))
        return f

    def decode(self, f):
        groups = -(-self.activation_dim // GROUP)
        code = (2 * f[:, :groups].clamp(min=2.0**-40).log2() + 64).round().long()
        bits = code[..., None] // 2 ** torch.arange(GROUP) % 2
        return SIZE * (2.0 * bits.reshape(len(f), -1)[:, : self.activation_dim] - 1)
