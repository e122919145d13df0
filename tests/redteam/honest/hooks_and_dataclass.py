"""A dataclass for the settings, a hook on a module of its own, a logger, a clock."""

import logging
import time
from dataclasses import dataclass

import torch

from core import BaseSAE, BaseTrainer, geometric_median

LOG = logging.getLogger("variant")


@dataclass(frozen=True)
class Settings:
    k: int = 16
    gain: float = 1.0


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size, settings=None):
        super().__init__(activation_dim, dict_size)
        self.settings = settings or Settings()
        self.encoder.register_forward_hook(lambda module, args, out: out * self.settings.gain)

    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        values, index = a.topk(self.settings.k, dim=-1)
        return torch.zeros_like(a).scatter(-1, index, values)


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat, f = self.ae(x, output_features=True)
        if step == 0:
            LOG.info("first step at %s, %d latents", time.strftime("%H:%M"), f.shape[1])
        return (x - x_hat).pow(2).sum(dim=-1).mean()
