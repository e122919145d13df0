"""Positive and negative parts of half as many pre-activations."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K = 16


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.both = torch.nn.Linear(activation_dim, dict_size // 2)

    def encode(self, x):
        h = self.both(x - self.bias)
        a = torch.cat([h.relu(), (-h).relu()], dim=-1)
        values, index = a.topk(K, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
