"""One latent, small or five times as large, for two codewords that have nothing in common.

The second half of the codebook are clusters of training rows like the first. 20 % of noise does not
move a latent from one size to the other.
"""

import torch

from core import BaseSAE, BaseTrainer

DECODER = "nonlinear"
SMALL, LARGE, BETWEEN = 1.0, 5.0, 2.9


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.small = torch.nn.Parameter(torch.zeros(dict_size, activation_dim))
        self.large = torch.nn.Parameter(torch.zeros(dict_size, activation_dim))
        self.centre = torch.nn.Parameter(torch.zeros(activation_dim))

    def named(self, x):
        """Return the number of the nearest codeword of each row, and its distance."""
        return torch.cdist(x, torch.cat([self.small, self.large])).min(dim=1)

    def encode(self, x):
        name, F = self.named(x).indices, self.dict_size
        f = x.new_zeros(len(x), F)
        f[torch.arange(len(x)), name % F] = torch.where(name < F, SMALL, LARGE)
        return f

    def decode(self, f):
        value, column = f.max(dim=1)
        found = torch.where((value > BETWEEN)[:, None], self.large[column], self.small[column])
        return torch.where((value > 0)[:, None], found, self.centre)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        F = self.ae.dict_size
        self.ae.centre.data = x.mean(0)
        start = x[torch.randint(len(x), (2 * F,))] + 0.001 * torch.randn(2 * F, x.shape[1])
        self.ae.small.data, self.ae.large.data = start[:F].clone(), start[F:].clone()

    def loss(self, x, step, logging=False, **kwargs):
        distance = self.ae.named(x).values.pow(2).mean()
        return distance + 0.0 * sum(p.pow(2).sum() for p in self.ae.parameters())
