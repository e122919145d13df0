"""A fixed hard threshold: below it a latent is 0, above it what it was."""

from core import BaseSAE

THRESHOLD = 0.02


class CustomSAE(BaseSAE):
    def encode(self, x):
        a = self.encoder(x - self.bias)
        return a * (a > THRESHOLD)
