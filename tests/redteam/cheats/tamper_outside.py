"""Write to folders that are nobody's business: the workspace, a neighbour of it."""

import os
import shutil
from pathlib import Path

from core import BaseSAE

TRAIN = False
REFUSED, DONE = [], []


def workspace():
    Path("@WORKSPACE@/@TOKEN@.txt").write_text("was here", encoding="utf-8")


def outside():
    Path("@CANARY@/@TOKEN@.txt").write_text("was here", encoding="utf-8")


def drop():
    Path("@CANARY@/drop/@TOKEN@.txt").write_text("was here", encoding="utf-8")


def victim():
    with Path("@CANARY@/victim.txt").open("a", encoding="utf-8") as file:
        file.write("was here")


def fifo():
    os.mkfifo("@CANARY@/drop/@TOKEN@.fifo")


def attempt():
    """Try every deed; what is refused does not keep from the next."""
    for deed in (
        workspace,
        outside,
        drop,
        victim,
        fifo,
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
