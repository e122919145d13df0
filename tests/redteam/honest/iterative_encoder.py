"""Iterative soft thresholding: steps towards the sparse code of the decoder's own columns."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

STEPS, RATE, THRESHOLD = 12, 0.15, 0.3


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)

    def encode(self, x):
        W, x = self.decoder.weight, x - self.bias
        f = x.new_zeros(len(x), self.dict_size)
        for _ in range(STEPS):
            f = torch.relu(f + RATE * ((x - f @ W.T) @ W - THRESHOLD))
        return f


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
