"""The process writes to address 0."""

import ctypes

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def encode(self, x):
        ctypes.string_at(0)
        return super().encode(x)
