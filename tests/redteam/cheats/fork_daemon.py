"""A grandchild leaves group and session, listens on a port and writes a file later."""

import contextlib
import os
import socket
import time
from pathlib import Path

from core import BaseSAE

TRAIN = False


def haunt():
    end = time.monotonic() + 20
    with socket.socket() as server:
        with contextlib.suppress(OSError):
            server.bind(("127.0.0.1", int("@LISTEN@")))
            server.listen(4)
        while time.monotonic() < end:
            time.sleep(0.2)
            with contextlib.suppress(OSError):
                Path("@CANARY@/drop/@TOKEN@.txt").write_text("boo", encoding="utf-8")


def leave():
    with contextlib.suppress(OSError):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                haunt()
            os._exit(0)
        os.wait()


BEFORE = [leave()]


class CustomSAE(BaseSAE):
    def encode(self, x):
        if len(BEFORE) < 2:
            BEFORE.append(leave())
        return super().encode(x)
