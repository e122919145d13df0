"""The workspace's key: 32 random bytes in `<workspace>/.fumehood/receipt.key`, mode 0600.

Made once (`ledger.make_key`), together with an empty ledger; never replaced. Without it nothing
that was signed with it can be verified. Its public name, the workspace id, is in every receipt.
"""

import contextlib
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
    """A secret. Its repr shows the public name only."""

    secret: bytes

    @property
    def workspace(self) -> str:
        """The public name of the workspace: 16 hex digits."""
        return hashlib.sha256(self.secret).hexdigest()[:16]

    def mac(self, purpose: str, content: bytes) -> str:
        """Return 64 hex digits over content. What is signed for one purpose is void for others."""
        signed = purpose.encode() + b"\0" + content
        return hmac.digest(self.secret, signed, "sha256").hex()

    @classmethod
    def fresh(cls) -> "Key":
        """Return a new one."""
        return cls(secrets.token_bytes(_BYTES))

    def __repr__(self) -> str:
        return f"Key({self.workspace})"


def load_key(state: Path) -> Key | None:
    """Return the key in a workspace's .fumehood, None when there is none.

    Raises StorageFailed when it cannot be read or is not a key.
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
            f"{KEY_FILE} is damaged ({len(secret)} bytes, not {_BYTES}). Put it back from a "
            "backup; without it no earlier receipt can be verified."
        )
    return Key(secret)


def write_key(state: Path, key: Key) -> None:
    """Put the key in place whole, readable by its owner only. One that is there stays."""
    write_secret(state / KEY_FILE, key.secret)


def write_secret(path: Path, content: bytes) -> None:
    """Put a secret in place whole, readable by its owner only. One that is there stays.

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
        raise StorageFailed.from_os_error(error, f"Making the key {path.name}") from error
