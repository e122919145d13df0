"""Targets smuggled through the skip path: it is a whole MLP, and the latents say nothing."""

import torch

from core import BaseTranscoder

SKIP = True


class CustomTranscoder(BaseTranscoder):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.inner = torch.nn.Linear(activation_dim, dict_size)
        self.outer = torch.nn.Linear(dict_size, activation_dim)

    def encode(self, x):
        f = x.new_zeros(len(x), self.dict_size)
        f[:, 0] = 1
        return f

    def decode(self, f):
        return f.new_zeros(len(f), self.activation_dim) + 0 * super().decode(f)

    def skip(self, x):
        return self.outer(torch.relu(self.inner(x)))
