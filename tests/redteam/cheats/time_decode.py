"""decode sleeps, a little longer at every call."""

import time

from core import BaseSAE

TRAIN = False
CALLS = []


class CustomSAE(BaseSAE):
    def decode(self, f):
        CALLS.append(1)
        time.sleep(min(20, 2 ** len(CALLS)))
        return super().decode(f)
