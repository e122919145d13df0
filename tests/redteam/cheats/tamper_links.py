"""Reach the sandbox through links made in the scratch folder, and plant links in it."""

import os
import shutil
from pathlib import Path

from core import BaseSAE

TRAIN = False
REFUSED, DONE = [], []

SETTINGS = Path("@SANDBOX@/sandbox.toml")
HERE = Path.cwd()


def through_symlink():
    link = HERE / "by-symlink"
    link.unlink(missing_ok=True)
    link.symlink_to(SETTINGS)
    with link.open("a", encoding="utf-8") as file:
        file.write("# by symlink\n")


def through_hard_link():
    link = HERE / "by-hard-link"
    link.unlink(missing_ok=True)
    os.link(SETTINGS, link)
    link.chmod(0o666)


def through_parent():
    (HERE / ".." / ".." / "by-parent.txt").write_text("", encoding="utf-8")


def plant():
    (SETTINGS.parent / "variants" / "@TOKEN@_link.py").symlink_to("/etc/hostname")


def attempt():
    """Try every deed; what is refused does not keep from the next."""
    for deed in (
        through_symlink,
        through_hard_link,
        through_parent,
        plant,
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
