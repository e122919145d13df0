"""A thread goes on writing into the shared memory after the answer was given."""

import contextlib
import os
import threading

from core import BaseSAE

TRAIN = False


def scribble():
    noise = os.urandom(1 << 16)
    for _ in range(20_000):
        for handle in range(3, 64):
            with contextlib.suppress(OSError):
                os.pwrite(handle, noise, 0)


class CustomSAE(BaseSAE):
    started = False

    def encode(self, x):
        if not self.started:
            self.started = True
            threading.Thread(target=scribble, daemon=True).start()
        return super().encode(x)
