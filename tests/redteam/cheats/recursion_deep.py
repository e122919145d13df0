"""Recursion without an end and without a limit."""

import sys

from core import BaseSAE

TRAIN = False
sys.setrecursionlimit(10**9)


def fall(depth):
    return fall(depth + 1) + 1


class CustomSAE(BaseSAE):
    def encode(self, x):
        fall(0)
        return super().encode(x)
