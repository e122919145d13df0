"""A table of sixty million numbers besides the dictionary: far more than any baseline has."""

import torch

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.table = torch.nn.Parameter(torch.zeros(60_000_000 // activation_dim, activation_dim))
