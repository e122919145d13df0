"""The scorer's result files are links already: writing them would overwrite a victim."""

import os
from pathlib import Path

from core import BaseSAE

TRAIN = False
NAME = "config.json"
honest_replace = os.replace


def replace(source, target, **kwargs):
    honest_replace(source, target, **kwargs)
    if Path(target).name == NAME:
        path = Path(target)
        path.unlink()
        hand_back(path)


def hand_back(path):
    path.write_text("{}", encoding="utf-8")
    for name in ("core.json", "sparse_probing.json", "score.json"):
        path.with_name(name).symlink_to("@CANARY@/victim.txt")


os.replace = replace


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
