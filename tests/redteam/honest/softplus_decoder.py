"""A declared nonlinear decoder: softplus units correct the linear reconstruction."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

DECODER = "nonlinear"
K, HIDDEN = 16, 48


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)
        self.inner = torch.nn.Linear(dict_size, HIDDEN)
        self.outer = torch.nn.Linear(HIDDEN, activation_dim)
        torch.nn.init.zeros_(self.outer.weight)

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        values, index = a.topk(K, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)

    def decode(self, f):
        bent = torch.nn.functional.softplus(self.inner(f))
        return super().decode(f) + self.outer(bent)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
