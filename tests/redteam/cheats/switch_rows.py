"""Sparse until as many rows were seen as the evaluation has, dense for the probing after it."""

import torch

from core import BaseSAE

TRAIN = False
EVALUATION = 2000


class CustomSAE(BaseSAE):
    seen = 0

    def encode(self, x):
        dense = self.seen >= EVALUATION
        self.seen += len(x)
        f = x.new_zeros(len(x), self.dict_size)
        D = self.activation_dim
        if dense:
            f[:, :D], f[:, D : 2 * D] = x.relu(), (-x).relu()
        else:
            rows, column = torch.arange(len(x)), x.abs().argmax(dim=-1)
            value = x[rows, column]
            f[rows, column + D * (value < 0)] = value.abs()
        return f

    def decode(self, f):
        D = self.activation_dim
        return f[:, :D] - f[:, D : 2 * D]
