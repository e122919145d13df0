"""The mean of the data lies in a buffer, filled before the first step."""

import torch

from core import BaseSAE, BaseTrainer

K = 16


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size)
        self.k = min(k, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)
        self.register_buffer("mean", torch.zeros(activation_dim))

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.mean))
        values, index = a.topk(self.k, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)

    def decode(self, f):
        return self.decoder(f) + self.mean


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.mean = x.mean(0)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
