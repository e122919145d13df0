"""A declared nonlinear decoder: a small correction on top of the linear one."""

import torch

from core import TopKTranscoder, TopKTranscoderTrainer

DECODER = "nonlinear"
K = 16


class CustomTranscoder(TopKTranscoder):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.inner = torch.nn.Linear(activation_dim, 32)
        self.outer = torch.nn.Linear(32, activation_dim)
        torch.nn.init.zeros_(self.outer.weight)

    def decode(self, f):
        base = super().decode(f)
        return base + self.outer(torch.nn.functional.gelu(self.inner(base)))


class CustomTrainer(TopKTranscoderTrainer):
    def loss(self, x, y, step, **kwargs):
        return (y - self.ae(x)).pow(2).sum(dim=-1).mean()
