"""In training latents compete over the whole batch, in evaluation against a running threshold."""

import torch

from core import BaseSAE, BaseTrainer, geometric_median

K = 16


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.register_buffer("threshold", torch.tensor(0.0))

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        if self.training:
            cut = a.flatten().topk(K * len(x)).values[-1].detach()
            self.threshold = 0.9 * self.threshold + 0.1 * cut
            return a * (a >= cut)
        return a * (a > self.threshold)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
