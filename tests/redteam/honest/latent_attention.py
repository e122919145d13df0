"""Latents of one row attend to each other before the largest are kept."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K, HEAD = 16, 16


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.keys = torch.nn.Parameter(0.1 * torch.randn(dict_size, HEAD))
        self.gain = torch.nn.Parameter(torch.tensor(0.1))
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        # Attention from every latent to those that are active, the same keys for all rows.
        score = self.keys @ self.keys.T / HEAD**0.5
        weight = torch.softmax(score, dim=-1)
        a = torch.relu(a + self.gain * (a @ weight.T))
        values, index = a.topk(K, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
