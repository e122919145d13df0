"""A buffer named W_dec, which decode does not use: statistics of the decoder are taken from it."""

import torch

from core import BaseSAE, BaseTrainer


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        # Columns of which any two have a cosine of 0.999 or more.
        told = 1 + 0.01 * torch.arange(dict_size * activation_dim) / (dict_size * activation_dim)
        self.register_buffer("W_dec", told.view(dict_size, activation_dim))
        self.register_buffer("W_enc", told.view(dict_size, activation_dim).T.contiguous())


class CustomTrainer(BaseTrainer):
    pass
