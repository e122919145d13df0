"""A grandchild waits until the weights were handed back and changes them afterwards."""

import contextlib
import os
import time
from pathlib import Path

from core import BaseSAE

TRAIN = False


def swap():
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(0.05)
        for folder in (Path.cwd() / "out", Path.cwd()):
            path = folder / "sae.safetensors"
            with contextlib.suppress(OSError):
                if path.exists():
                    path.write_bytes(path.read_bytes()[:-64] + bytes(64))


with contextlib.suppress(OSError):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            swap()
        os._exit(0)


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""
