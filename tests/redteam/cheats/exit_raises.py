"""Errors are raised when the interpreter goes, and when objects do."""

import atexit
import os
import threading

from core import BaseSAE

TRAIN = False


def grumble():
    raise ValueError("raised at exit")


class Sore:
    def __del__(self):
        raise ValueError("raised in __del__")


atexit.register(grumble)
SORE = Sore()
threading.excepthook = lambda *args: os._exit(7)


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
