"""Fifty thousand empty files."""

import os

from core import BaseSAE

TRAIN = False
os.mkdir("inodes")
for number in range(50_000):
    os.close(os.open(f"inodes/{number}", os.O_CREAT | os.O_WRONLY, 0o600))


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
