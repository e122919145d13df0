"""Latents are found for each row by a few steps of Adam, also when it is scored."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

STEPS, RATE, K = 4, 0.05, 16


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)

    def start(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        values, index = a.topk(K, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)

    def encode(self, x):
        f = self.start(x)
        if self.training:
            return f
        with torch.enable_grad():
            found = f.detach().clone().requires_grad_()
            adam = torch.optim.Adam([found], lr=RATE)
            for _ in range(STEPS):
                adam.zero_grad()
                (x - self.decode(found)).pow(2).sum().backward()
                adam.step()
        return torch.relu(found.detach()) * (f > 0)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        return (x - self.ae(x)).pow(2).sum(dim=-1).mean()
