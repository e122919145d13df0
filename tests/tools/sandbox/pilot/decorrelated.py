"""Decorrelated latents: co-activation within a batch costs, on a random sample of latents."""

import torch
from custom_saes.base import BaseSAE, BaseTrainer

SAMPLE = 32


class CustomSAE(BaseSAE):
    pass


class CustomTrainer(BaseTrainer):
    def __init__(self, *args, decorrelation=0.05, **kwargs):
        super().__init__(*args, **kwargs)
        self.decorrelation = decorrelation
        self.running = torch.zeros(self.ae.dict_size, device=self.device)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat, f = self.ae(x, output_features=True)
        with torch.no_grad():
            self.running = 0.99 * self.running + 0.01 * (f > 0).float().mean(dim=0)
        chosen = torch.randperm(self.ae.dict_size)[:SAMPLE]
        g = f[:, chosen] - f[:, chosen].mean(dim=0)
        overlap = (g.T @ g / len(g)).triu(diagonal=1).pow(2).sum()
        recon_loss = (x - x_hat).pow(2).sum(dim=-1).mean()
        sparsity = self.l1_penalty * self.sparsity_warmup_fn(step) * f.sum(dim=-1).mean()
        if self.steps_since_active is not None:
            self.update_dead_neurons(f)
        return recon_loss + sparsity + self.decorrelation * overlap
