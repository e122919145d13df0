"""Memory is taken and touched in steps until six gigabytes are reached."""

import time

import torch

from core import BaseSAE

TRAIN = False
TAKEN = []
for _ in range(96):
    TAKEN.append(torch.ones(1 << 24))  # 64 MiB each
    time.sleep(0.02)


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
