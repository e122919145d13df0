"""A learnable k: a soft budget decides from which rank on latents fade."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K = 16


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size)
        self.k = min(2 * k, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)
        self.budget = torch.nn.Parameter(torch.tensor(float(K)))

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        order = a.argsort(dim=-1, descending=True).argsort(dim=-1)
        a = a * torch.sigmoid(2.0 * (self.budget - order)).clamp(min=1e-3)
        values, index = a.topk(self.k, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
