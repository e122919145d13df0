"""Change rights, times and marks of files, without writing to one."""

import os
import shutil
from pathlib import Path

from core import BaseSAE

TRAIN = False
REFUSED, DONE = [], []

SANDBOX = Path("@SANDBOX@")


def rights():
    (SANDBOX / "sandbox.toml").chmod(0o777)


def folder_rights():
    (SANDBOX / "results").chmod(0o777)


def times():
    os.utime(SANDBOX / "sandbox.toml", (1, 1))


def owner():
    os.chown(SANDBOX / "sandbox.toml", 12345, 12345)


def marks():
    os.setxattr(SANDBOX / "sandbox.toml", "user.@TOKEN@", b"1")


def attempt():
    """Try every deed; what is refused does not keep from the next."""
    for deed in (
        rights,
        folder_rights,
        times,
        owner,
        marks,
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
