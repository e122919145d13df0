"""The workspace's key: 32 random bytes in `<workspace>/.fumehood/receipt.key`, mode 0600.

It is created once, together with an empty ledger (`ledger.make_key`), and never replaced. Without
it, no receipt that it signed can be verified. Its public name, the workspace id, is in every
receipt.
"""

import contextlib
import functools
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.plain_files import open_plain

KEY_FILE = "receipt.key"
_BYTES, _MOST_BYTES = 32, 4096


class Key(NamedTuple):
    """The secret key of a workspace. Its repr shows only the public name."""

    secret: bytes

    @property
    def workspace(self) -> str:
        """The public name of the workspace: 16 hex digits."""
        return _workspace(self.secret)

    def mac(self, purpose: str, content: bytes) -> str:
        """Return the HMAC-SHA256 of content as 64 hex digits, valid for this purpose only."""
        signed = purpose.encode() + b"\0" + content
        return hmac.digest(self.secret, signed, "sha256").hex()

    @classmethod
    def fresh(cls) -> "Key":
        """Return a new random key."""
        return cls(secrets.token_bytes(_BYTES))

    def __repr__(self) -> str:
        return f"Key({self.workspace})"


@functools.lru_cache(maxsize=8)
def _workspace(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()[:16]


def load_key(state: Path) -> Key | None:
    """Return the key in a workspace's .fumehood folder, or None if there is none.

    Raises StorageFailed if it cannot be read or is not a key.
    """
    path = state / KEY_FILE
    try:
        with open_plain(path, _MOST_BYTES) as file:
            secret = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Reading the workspace's key") from error
    if len(secret) != _BYTES:
        raise StorageFailed(
            f"{KEY_FILE} is damaged ({len(secret)} bytes, not {_BYTES}). Restore it from a "
            "backup; without it no earlier receipt can be verified."
        )
    return Key(secret)


def write_key(state: Path, key: Key) -> None:
    """Write the key atomically, readable only by its owner. An existing key is kept."""
    write_secret(state / KEY_FILE, key.secret)


def write_secret(path: Path, content: bytes) -> None:
    """Write a secret atomically, readable only by its owner. An existing file is kept.

    Raises StorageFailed.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)
        finally:
            os.unlink(temporary)
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Creating the key {path.name}") from error
