"""Eight steps of the optimiser on every batch that it is shown, where others make one."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K, STEPS, RATE = 8, 8, 3e-3


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

    def loss(self, x, step, logging=False, **kwargs):
        return (x - self.ae(x)).pow(2).sum(dim=-1).mean()

    def update(self, step, x):
        super().update(step, x)
        if step == 0:
            self.again = torch.optim.Adam(self.ae.parameters(), lr=RATE)
        for group in self.again.param_groups:
            group["lr"] = RATE * min(1.0, 4 * (1 - step / self.steps))
        for _ in range(STEPS - 1):
            self.again.zero_grad()
            self.loss(x, step).backward()
            self.again.step()
