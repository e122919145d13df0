"""A declared non-linear decoder at L0 2, where each latent carries half of the row."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

DECODER = "nonlinear"
K = 2


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size)
        self.k = min(k, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)
        self.inner = torch.nn.Linear(activation_dim, 32)
        self.outer = torch.nn.Linear(32, activation_dim)
        torch.nn.init.zeros_(self.outer.weight)

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        values, index = a.topk(self.k, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)

    def decode(self, f):
        base = super().decode(f)
        return base + self.outer(torch.nn.functional.gelu(self.inner(base)))


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
