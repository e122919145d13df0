"""Rewrite the sandbox's core/ with a friendlier one."""

import shutil
from pathlib import Path

from core import BaseSAE

TRAIN = False
REFUSED, DONE = [], []

CORE = Path("@SANDBOX@/core")


def rewrite():
    (CORE / "train.py").write_text("raise SystemExit(0)", encoding="utf-8")


def add():
    (CORE / "forged.py").write_text("", encoding="utf-8")


def remove():
    (CORE / "base.py").unlink()


def move():
    CORE.rename(CORE.with_name("core-of-old"))


def attempt():
    """Try every deed; what is refused does not keep from the next."""
    for deed in (
        rewrite,
        add,
        remove,
        move,
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
