"""Spoil the variants of others, above all the baseline."""

import shutil
from pathlib import Path

from core import BaseSAE

TRAIN = False
REFUSED, DONE = [], []

VARIANTS = Path("@SANDBOX@/variants")


def spoil():
    (VARIANTS / "topk.py").write_text("K = 0\n", encoding="utf-8")


def rename():
    (VARIANTS / "topk.py").rename(VARIANTS / "topk.bak")


def add():
    (VARIANTS / "@TOKEN@_planted.py").write_text("import os\n", encoding="utf-8")


def attempt():
    """Try every deed; what is refused does not keep from the next."""
    for deed in (
        spoil,
        rename,
        add,
    ):
        try:
            deed()
            DONE.append(deed.__name__)
        except (OSError, ValueError, shutil.Error) as error:
            REFUSED.append(f"{deed.__name__}: {type(error).__name__} {error}"[:120])


attempt()


class CustomSAE(BaseSAE):
    def encode(self, x):
        attempt()
        if not DONE:
            raise OSError("all refused: " + "; ".join(sorted(set(REFUSED))))
        return super().encode(x)

    def decode(self, f):
        attempt()
        return super().decode(f)
