"""Every descriptor is closed, and the process lives on."""

import os
import time

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def encode(self, x):
        os.closerange(0, 256)
        time.sleep(20)
        return super().encode(x)
