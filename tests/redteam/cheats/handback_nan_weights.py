"""Weights are NaN, put in place after the check for NaN."""

import os
from pathlib import Path

from safetensors.torch import save_file

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
    sae = CustomSAE(64, 128)
    weights = {name: value * float("nan") for name, value in sae.state_dict().items()}
    save_file(weights, path)


os.replace = replace


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
