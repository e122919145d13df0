"""Encoder and decoder are bfloat16 parameters, trained as such with a larger step."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K = 16


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)
        self.encoder.bfloat16()
        self.decoder.bfloat16()

    def encode(self, x):
        weight, bias = self.encoder.weight.float(), self.encoder.bias.float()
        a = torch.relu((x - self.bias) @ weight.T + bias)
        values, index = a.topk(K, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)

    def decode(self, f):
        return f @ self.decoder.weight.float().T + self.decoder.bias.float() + self.bias


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
