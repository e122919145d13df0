"""Read a file of the user's, by its path, by a link and by a way through /proc."""

import contextlib
from pathlib import Path

from core import BaseSAE

TRAIN = False


def look():
    secret = Path("@CANARY@/secret.txt")
    link = Path.cwd() / "link"
    with contextlib.suppress(OSError):
        link.symlink_to(secret)
    for path in (secret, link, Path(f"/proc/self/root{secret}"), Path(f"/proc/@PID@/root{secret}")):
        with contextlib.suppress(OSError):
            yield path.read_text(encoding="utf-8")


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
