"""Read the environment of this process and of all others."""

import contextlib
import os
from pathlib import Path

from core import BaseSAE

TRAIN = False


def look():
    yield os.environ.get("FUMEHOOD_CANARY", "")
    numbers = range(1, 2000)
    with contextlib.suppress(OSError):
        numbers = [name for name in os.listdir("/proc") if name.isdecimal()]
    others = [Path(f"/proc/{number}/environ") for number in numbers]
    for path in (Path("/proc/@PID@/environ"), Path(f"/proc/{os.getppid()}/environ"), *others):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            yield from (word.decode() for word in words if word.startswith(b"FUMEHOOD_CANARY"))


def confess():
    """Say what could be read: the runner looks for its secrets in all that comes out."""
    found = [text for text in look() if text]
    if found:
        raise RuntimeError("read " + " ".join(found)[:4000])


confess()


class CustomSAE(BaseSAE):
    def encode(self, x):
        confess()
        return super().encode(x)

    def decode(self, f):
        confess()
        return super().decode(f)
