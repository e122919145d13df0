"""Complex weights: latents are real parts of complex projections."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K = 16


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        half = activation_dim // 2
        self.turn = torch.nn.Parameter(torch.randn(dict_size, half, dtype=torch.complex64) / 4)
        with torch.no_grad():
            self.decoder.weight.mul_(10.0)

    def encode(self, x):
        pairs = torch.view_as_complex((x - self.bias).view(len(x), -1, 2))
        a = torch.relu((pairs @ self.turn.T).real + self.encoder.bias)
        values, index = a.topk(K, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
