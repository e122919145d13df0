"""Latents are whole numbers, rounded with a straight-through gradient."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K, STEPS = 16, 32.0


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)

    def encode(self, x):
        a = STEPS * torch.relu(self.encoder(x - self.bias))
        values, index = a.topk(K, dim=-1)
        values = values + (values.round() - values).detach()
        return torch.zeros_like(a).scatter(-1, index, values)

    def decode(self, f):
        return super().decode(f / STEPS)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
