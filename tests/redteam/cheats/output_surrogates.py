"""The error that encode raises cannot be written as text: half of a surrogate pair."""

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def encode(self, x):
        raise ValueError("\ud800\x00\x1b[2J" * 10)
