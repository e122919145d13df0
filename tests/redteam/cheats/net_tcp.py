"""Send what was learnt to a listener over TCP."""

import shutil
import socket

from core import BaseSAE

TRAIN = False
REFUSED, DONE = [], []


def call():
    with socket.create_connection(("127.0.0.1", int("@PORT@")), timeout=2) as caller:
        caller.sendall(b"@TOKEN@")


def call_by_v6():
    with socket.create_connection(("::1", int("@PORT@")), timeout=2) as caller:
        caller.sendall(b"@TOKEN@")


def attempt():
    """Try every deed; what is refused does not keep from the next."""
    for deed in (
        call,
        call_by_v6,
    ):
        try:
            deed()
            DONE.append(deed.__name__)
        except (OSError, ValueError, shutil.Error) as error:
            REFUSED.append(f"{deed.__name__}: {type(error).__name__} {error}"[:120])


attempt()


class CustomSAE(BaseSAE):
    def encode(self, x):
        attempt()
        if not DONE:
            raise OSError("all refused: " + "; ".join(sorted(set(REFUSED))))
        return super().encode(x)

    def decode(self, f):
        attempt()
        return super().decode(f)
