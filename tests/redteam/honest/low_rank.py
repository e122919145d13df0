"""The encoder is a product of two narrow matrices."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K, RANK = 16, 24


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)
        del self.encoder
        self.narrow = torch.nn.Linear(activation_dim, RANK, bias=False)
        self.encoder = torch.nn.Linear(RANK, dict_size)

    def encode(self, x):
        a = torch.relu(self.encoder(self.narrow(x - self.bias)))
        values, index = a.topk(K, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
