"""Every latent learns by how much its pre-activation is shrunk."""

import torch

from core import BaseSAE

# Trained by BaseTrainer, with its L1 penalty.


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.log_threshold = torch.nn.Parameter(torch.full((dict_size,), -3.0))

    def encode(self, x):
        return torch.relu(self.encoder(x - self.bias) - self.log_threshold.exp())
