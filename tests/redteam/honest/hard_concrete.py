"""Stochastic gates in training, their hard means in evaluation."""

import torch

from core import BaseSAE

# Trained by BaseTrainer, with its L1 penalty.


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.gate = torch.nn.Linear(activation_dim, dict_size)

    def encode(self, x):
        a, logits = torch.relu(self.encoder(x - self.bias)), self.gate(x - self.bias)
        if self.training:
            draw = torch.rand_like(logits).clamp(1e-6, 1 - 1e-6)
            logits = logits + draw.log() - (1 - draw).log()
        return a * (torch.sigmoid(logits) * 1.2 - 0.1).clamp(0, 1)
