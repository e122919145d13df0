"""The process leaves in the middle of a request, with a good exit code."""

import os

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def encode(self, x):
        os._exit(0)
        return super().encode(x)
