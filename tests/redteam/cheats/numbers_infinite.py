"""Infinite latents: inf - inf is NaN, and a sum of them hides in a mean."""

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def encode(self, x):
        f = super().encode(x)
        return f / (f * 0.0)

    def decode(self, f):
        return super().decode(f)
