"""A folder that may be neither read nor removed."""

import os
from pathlib import Path

from core import BaseSAE

TRAIN = False
os.makedirs("locked/inside", exist_ok=True)
Path("locked/inside/file.txt").write_text("", encoding="utf-8")
os.chmod("locked/inside", 0)
os.chmod("locked", 0)


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
