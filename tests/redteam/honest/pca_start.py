"""Encoder and decoder start at the principal directions of the first batch and their opposites."""

import torch

from core import BaseSAE, BaseTrainer

K = 16


class CustomSAE(BaseSAE):
    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        values, index = a.topk(K, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = x.mean(dim=0)
        directions = torch.linalg.svd(x - x.mean(dim=0), full_matrices=False).Vh
        both = torch.cat([directions, -directions])
        repeats = -(-self.ae.dict_size // len(both))
        start = both.repeat(repeats, 1)[: self.ae.dict_size]
        start = start + 0.05 * torch.randn_like(start)
        self.ae.encoder.weight.data = start.clone()
        self.ae.decoder.weight.data = start.T.clone()

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
