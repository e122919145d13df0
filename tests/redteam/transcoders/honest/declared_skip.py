"""A declared nonlinear decoder beside a declared skip path."""

import torch

from core import SkipTopKTranscoder, TopKTranscoderTrainer

DECODER = "nonlinear"
SKIP = True
K = 8


class CustomTranscoder(SkipTopKTranscoder):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.inner = torch.nn.Linear(activation_dim, 16)
        self.outer = torch.nn.Linear(16, activation_dim)
        torch.nn.init.zeros_(self.outer.weight)

    def decode(self, f):
        base = super().decode(f)
        return base + self.outer(torch.tanh(self.inner(base)))


class CustomTrainer(TopKTranscoderTrainer):
    def loss(self, x, y, step, **kwargs):
        return (y - self.ae(x)).pow(2).sum(dim=-1).mean()
