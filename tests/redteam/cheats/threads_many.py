"""Five hundred threads that wait."""

import contextlib
import threading
import time

from core import BaseSAE

TRAIN = False


def wait():
    time.sleep(20)


SPREAD = []


def spread():
    for _ in range(0 if SPREAD else 500):
        SPREAD.append(1)
        threading.Thread(target=wait, daemon=True).start()


class CustomSAE(BaseSAE):
    def encode(self, x):
        with contextlib.suppress(RuntimeError):
            spread()
        return super().encode(x)
