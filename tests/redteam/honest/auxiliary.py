"""Latents that did not fire reconstruct what the others left over, as an auxiliary loss."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K = 16


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size)
        self.k = min(k, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        values, index = a.topk(self.k, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat, f = self.ae(x, output_features=True)
        rest = (x - x_hat).detach()
        silent = torch.relu(self.ae.encoder(x - self.ae.bias)) * (f == 0)
        auxiliary = (rest - silent @ self.ae.decoder.weight.T).pow(2).sum(dim=-1).mean()
        return (x - x_hat).pow(2).sum(dim=-1).mean() + 0.03 * auxiliary
