"""The weights handed back are a link to somebody else's file."""

import os
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
    path.symlink_to("@CANARY@/secret.txt")


os.replace = replace


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
