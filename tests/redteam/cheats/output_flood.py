"""Two gigabytes of output, on every way out."""

import os

from core import BaseSAE

TRAIN = False
LINE = b"x" * (1 << 20)
for _ in range(1000):
    for handle in (1, 2):
        os.write(handle, LINE)


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
