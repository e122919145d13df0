"""encode goes round in circles, and ignores what asks it to stop."""

import signal
import time

from core import BaseSAE

TRAIN = False
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGXCPU):
    signal.signal(number, signal.SIG_IGN)


class CustomSAE(BaseSAE):
    def encode(self, x):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pass
        return super().encode(x)
