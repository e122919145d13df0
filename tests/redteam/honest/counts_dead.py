"""Buffers count how often a latent fired; training lifts those that never do."""

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
        self.register_buffer("fired", torch.zeros(dict_size))

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        values, index = a.topk(self.k, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat, f = self.ae(x, output_features=True)
        if step % 10 == 0:
            self.ae.fired.mul_(0.9)
        self.ae.fired += (f > 0).float().mean(0).detach()
        lift = (self.ae.encoder.bias * (self.ae.fired < 1e-4)).sum()
        return (x - x_hat).pow(2).sum(dim=-1).mean() - 1e-3 * lift
