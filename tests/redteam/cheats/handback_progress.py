"""Progress is JSON, but of no shape that anybody expects."""

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
    path.write_text('{"done": ["x"], "total": null}', encoding="utf-8")
    time.sleep(0.6)


os.replace = replace


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
