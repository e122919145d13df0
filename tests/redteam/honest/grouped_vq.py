"""Grouped vector quantisation: in each group of latents the best match is on, with size 1."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

GROUPS = 16


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.size = dict_size // GROUPS
        self.length = torch.nn.Parameter(torch.full((dict_size,), 0.2))
        with torch.no_grad():
            self.encoder.weight.mul_(10.0)

    def encode(self, x):
        a = self.encoder(x - self.bias)
        grouped = a.view(len(x), GROUPS, self.size)
        hard = torch.nn.functional.one_hot(grouped.argmax(dim=-1), self.size).to(a.dtype)
        # The straight-through estimator: the gradient is that of the softmax.
        soft = torch.softmax(grouped, dim=-1)
        chosen = hard + (soft - soft.detach() if self.training else 0)
        return chosen.reshape(len(x), -1)

    def decode(self, f):
        return super().decode(f * self.length)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
