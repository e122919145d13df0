"""Decoder columns are directions and lengths of their own: weight normalisation."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K = 16


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)
        self.length = torch.nn.Parameter(torch.ones(dict_size))
        self.direction = torch.nn.Parameter(self.decoder.weight.detach().clone())
        self.decoder.weight.requires_grad_(False)

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        values, index = a.topk(K, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)

    def decode(self, f):
        columns = self.length * self.direction / self.direction.norm(dim=0)
        return f @ columns.T + self.decoder.bias + self.bias


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
