"""Trained with L-BFGS, a few iterations on each batch of every fourth step."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K = 16


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
        self.search = torch.optim.LBFGS(
            self.ae.parameters(), lr=0.5, max_iter=4, history_size=4, line_search_fn="strong_wolfe"
        )

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()

    def update(self, step, x):
        if step % 4 == 0:

            def closure():
                self.search.zero_grad()
                loss = self.loss(x, step)
                loss.backward()
                return loss

            self.search.step(closure)
        return float(self.loss(x, step).detach())
