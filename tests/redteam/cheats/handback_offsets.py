"""The header of the weights points behind the end of the file."""

import json
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
    part = {"dtype": "F32", "shape": [64, 128], "data_offsets": [0, 32768]}
    header = json.dumps({"encoder.weight": part, "decoder.weight": part}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))


os.replace = replace


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
