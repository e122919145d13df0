"""Soft thresholds: every latent learns by how much its pre-activation is shrunk."""

import torch
import torch.nn as nn
from custom_saes.base import BaseSAE, BaseTrainer


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size, init_threshold=0.01):
        super().__init__(activation_dim, dict_size)
        self.log_threshold = nn.Parameter(
            torch.full((dict_size,), float(torch.log(torch.tensor(init_threshold))))
        )

    def encode(self, x):
        pre = self.encoder(x - self.bias)
        return torch.relu(pre - self.log_threshold.exp())


class CustomTrainer(BaseTrainer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

    def loss(self, x, step, logging=False, **kwargs):
        sparsity_scale = self.sparsity_warmup_fn(step)
        x_hat, f = self.ae(x, output_features=True)
        recon_loss = (x - x_hat).pow(2).sum(dim=-1).mean()
        l1_loss = f.norm(p=1, dim=-1).mean()
        self.update_dead_neurons(f)
        return recon_loss + self.l1_penalty * sparsity_scale * l1_loss
