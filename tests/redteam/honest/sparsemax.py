"""Latents are the projection onto a simplex: sparse without any k."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

SIZE = 2.0


def simplex(a):
    ordered = a.sort(dim=-1, descending=True).values
    rank = torch.arange(1, a.shape[-1] + 1)
    total = ordered.cumsum(dim=-1) - 1
    support = (ordered - total / rank > 0).sum(dim=-1, keepdim=True)
    return torch.relu(a - total.gather(-1, support - 1) / support)


class CustomSAE(BaseSAE):
    def encode(self, x):
        return SIZE * simplex(10.0 * self.encoder(x - self.bias))


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
