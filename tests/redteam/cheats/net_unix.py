"""Call a Unix socket of the user's, as an agent's or a desktop's would be."""

import shutil
import socket

from core import BaseSAE

TRAIN = False
REFUSED, DONE = [], []


def call():
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(2)
        caller.connect("@SOCKET@")
        caller.sendall(b"@TOKEN@")


def call_abstract():
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(2)
        caller.connect("\0@ABSTRACT@")
        caller.sendall(b"@TOKEN@")


def attempt():
    """Try every deed; what is refused does not keep from the next."""
    for deed in (
        call,
        call_abstract,
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
