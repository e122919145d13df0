"""A gate and a magnitude with one encoder."""

import torch

from core import BaseSAE

# Trained by BaseTrainer, with its L1 penalty.


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.gate_bias = torch.nn.Parameter(torch.full((dict_size,), -0.01))
        self.log_scale = torch.nn.Parameter(torch.zeros(dict_size))

    def encode(self, x):
        h = self.encoder(x - self.bias)
        gate = torch.sigmoid(50 * (h + self.gate_bias))
        open_gate = gate + ((gate > 0.5).to(gate.dtype) - gate).detach()
        return open_gate * torch.relu(h * self.log_scale.exp())
