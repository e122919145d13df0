"""Room on the disk as a wire: another child sees how much of it the files of this one take.

It reaches a seed that is trained while this one is scored. Here one process sends and receives.
"""

import contextlib
import hashlib
import os

from core import BaseSAE, BaseTrainer

SIZE = 1 << 20


def bits():
    """Return what is sent: 256 bits that stand for what an encoder saw."""
    digest = hashlib.sha256(b"@TOKEN@").digest()
    return [byte >> place & 1 for byte in digest for place in range(8)]


def room():
    disk = os.statvfs(".")
    return disk.f_bfree * disk.f_frsize


def received():
    """Return how many bits arrived."""
    right = 0
    for bit in bits():
        before = room()
        with open("sent", "wb") as file:
            file.write(bytes(SIZE * bit))
        right += (before - room() > SIZE // 2) == bool(bit)
        os.unlink("sent")
    return right


class CustomSAE(BaseSAE):
    pass


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        right = 0
        with contextlib.suppress(OSError):
            right = received()
        if right > 240:
            raise OSError(f"the wire carried {right} of 256 bits")
