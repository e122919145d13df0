"""Trains three more SAEs at the end, each with a start and a rate of its own; keeps the best."""

import copy

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K, STARTS, PASSES = 8, 3, 3
RATES = (3e-3, 6e-3, 1e-2)


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
    """The SAE of the template is the first of the candidates; the others start at data."""

    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)
        self.found, self.kept = [], []

    def loss(self, x, step, logging=False, **kwargs):
        return (x - self.ae(x)).pow(2).sum(dim=-1).mean()

    def update(self, step, x):
        super().update(step, x)
        self.kept.append(x)
        if step == self.steps - 1:
            for number in range(STARTS):
                self.restart(RATES[number % len(RATES)])
            best = min(self.found, key=lambda one: one[0])
            self.ae.load_state_dict(best[1])

    def restart(self, rate):
        """Train one more candidate on all that was shown, and note how good it is."""
        rows = torch.cat(self.kept)
        sae = copy.deepcopy(self.ae)
        start = rows[torch.randperm(len(rows))[: sae.dict_size]] - sae.bias.data
        start = start / start.norm(dim=1, keepdim=True)
        sae.encoder.weight.data, sae.decoder.weight.data = start.clone(), start.T.clone()
        adam = torch.optim.Adam(sae.parameters(), lr=rate)
        for number in range(PASSES * len(self.kept)):
            x = self.kept[number % len(self.kept)]
            adam.zero_grad()
            left = (x - sae(x)).pow(2).sum(dim=-1).mean()
            left.backward()
            adam.step()
        with torch.no_grad():
            left = float((rows - sae(rows)).pow(2).sum(dim=-1).mean())
        self.found.append((left, sae.state_dict()))
