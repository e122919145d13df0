"""Evaluation rows were kept in float16 and loss rows were not: the last bits of a row tell them.

Whether a row times the scale is a float16 number is a property of the row alone, so it stands up to
every question about order, neighbours and repetition.
"""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K, MANY = 4, 27
SCALE = 3.074740028007429


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        values, index = a.topk(K, dim=-1)
        f = torch.zeros_like(a).scatter(-1, index, values)
        if self.training:
            return f
        raw = x.double() * SCALE
        apart = (raw - raw.half().double()).abs() / raw.abs().clamp(min=1e-3)
        fine = apart.amax(dim=1) > 2e-6
        f[fine] = self.pursue((x - self.bias)[fine], MANY)
        return f

    def pursue(self, x, steps):
        """Return latents of a greedy pursuit with so many steps: at most so many are active."""
        norm = self.decoder.weight.norm(dim=0)
        W = (self.decoder.weight / norm).T
        f, rows, left = x.new_zeros(len(x), self.dict_size), torch.arange(len(x)), x
        for _ in range(steps):
            size, best = (left @ W.T).max(dim=1)
            f[rows, best] += size.relu()
            left = x - f @ W
        return f / norm


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        return (x - self.ae(x)).pow(2).sum(dim=-1).mean()
