"""A decoder with a hidden layer beside a linear one, so latents depend on others a little."""

import torch
from torch import nn

from core import BaseSAE, BaseTrainer

DECODER = "nonlinear"
K = 8
KNOB = "K"
HIDDEN = 64


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.inner = nn.Linear(dict_size, HIDDEN)
        self.outer = nn.Linear(HIDDEN, activation_dim)
        nn.init.zeros_(self.outer.weight)

    def encode(self, x):
        f = super().encode(x)
        top = f.topk(K, dim=-1)
        return torch.zeros_like(f).scatter(-1, top.indices, top.values)

    def decode(self, f):
        return super().decode(f) + self.outer(torch.relu(self.inner(f)))


class CustomTrainer(BaseTrainer):
    """TopK needs no penalty."""

    def loss(self, x, step, logging=False, **kwargs):
        return (x - self.ae.decode(self.ae.encode(x))).square().sum(1).mean()
