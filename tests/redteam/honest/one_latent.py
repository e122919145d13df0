"""L0 of 1: the best of all directions, and how far along it."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)

    def encode(self, x):
        a = torch.relu((x - self.bias) @ self.decoder.weight)
        best = a.argmax(dim=-1, keepdim=True)
        return torch.zeros_like(a).scatter(-1, best, a.gather(-1, best))


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
