"""A hundred gigabytes are asked for at once."""

import torch

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def encode(self, x):
        torch.empty(25 << 30)
        return super().encode(x)
