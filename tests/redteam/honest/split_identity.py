"""An untrained basis, split into positive and negative parts: all of x at an L0 of D."""

import torch

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        eye = torch.eye(activation_dim)
        both = torch.cat([eye, -eye])[:dict_size]
        with torch.no_grad():
            self.encoder.weight.zero_()[: len(both)] = both
            self.decoder.weight.zero_()[:, : len(both)] = both.T
