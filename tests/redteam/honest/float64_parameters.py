"""All parameters are float64; latents and reconstructions leave as they came."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K = 16


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)
        self.double()

    def encode(self, x):
        a = torch.relu(self.encoder(x.double() - self.bias)).float()
        values, index = a.topk(K, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)

    def decode(self, f):
        return (self.decoder(f.double()) + self.bias).float()


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x).double()

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
