"""Our key for machines, and what is known about theirs.

The key pair belongs to one workspace. A machine's host key is known in one of three ways, which
are kept apart because they are worth different things: the caller knew its fingerprint from another
source (`expected`, such as the provider's log, read over TLS), it is the one that was there before
(`pinned`), or it was taken on trust because nothing was known (`first_use`). There is no list
of hosts: addresses of pods are used again for other machines.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.files import make_private, read_json, write_json
from fumehood_tools.locking import exclusive

HostKeySource = Literal["expected", "pinned", "first_use"]
_MACHINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}(?![A-Za-z0-9+/])")
KEY_FILE = "machine_key"


class HostKey(BaseModel, frozen=True):
    """The host key of one machine."""

    fingerprint: str = Field(description="as ssh-keygen -l prints it: SHA256: and 43 characters")
    algorithm: str = Field(description="such as ssh-ed25519")
    source: HostKeySource = Field(description="where our knowledge of it comes from")


def fingerprints_in(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the fingerprints of keys in lines of a log, each once, in their order."""
    return tuple(dict.fromkeys(found for line in lines for found in _FINGERPRINT.findall(line)))


class ClientKey:
    """The ed25519 key pair with which one workspace logs in to machines.

    It is made at first use, in a file that only its owner can read. It has no passphrase, because
    jobs use it while nobody is there.
    """

    def __init__(self, state: Path) -> None:
        """state: the folder for internal files of the workspace."""
        self._folder = state / "pods"

    def private(self) -> bytes:
        """Return the private key in OpenSSH's format. Raises StorageFailed."""
        path = self._folder / KEY_FILE
        try:
            make_private(self._folder)
            with exclusive(self._folder / f"{KEY_FILE}.lock"):
                if not path.exists():
                    _write_private(path, _new_key())
            return path.read_bytes()
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Reading the key for machines") from error

    def public(self) -> str:
        """Return the line for a machine's authorized_keys. Raises StorageFailed."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization

        try:
            key = serialization.load_ssh_private_key(self.private(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise StorageFailed(
                f"The key for machines ({KEY_FILE} in the workspace's .fumehood/pods) is damaged. "
                "Delete it; the next pod gets a new one. Running pods know only the old one."
            ) from error
        public = key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        return f"{public.decode('ascii')} fumehood"


class KeyFile:
    """A private key of the user's own, without a passphrase."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def private(self) -> bytes:
        """Return the private key. Raises StorageFailed."""
        try:
            return self._path.read_bytes()
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Reading the key for a host") from error


def _new_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )


def _write_private(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


class HostKeys:
    """The host keys that were seen, one file for each machine, by the id of the pod or host."""

    def __init__(self, state: Path) -> None:
        """state: the folder for internal files of the workspace."""
        self._folder = state / "pods" / "host_keys"

    def of(self, machine: str) -> HostKey | None:
        """Return the pinned key of a machine, None if none is known. Raises StorageFailed."""
        path = self._path(machine)
        if not path.exists():
            return None
        try:
            found = HostKey.model_validate(read_json(path))
        except ValidationError as error:
            raise StorageFailed(
                f"What is known about the host key of {machine} is damaged. Terminate the pod, or, "
                "for a host of your own, look at its key and delete the file of this name in "
                ".fumehood/pods/host_keys."
            ) from error
        return found.model_copy(update={"source": "pinned"})

    def pin(self, machine: str, key: HostKey) -> None:
        """Keep the key: from now on, this machine must have it. Raises StorageFailed."""
        write_json(self._path(machine), key.model_dump())

    def forget(self, machine: str) -> None:
        """Forget the key of a machine that is gone."""
        self._path(machine).unlink(missing_ok=True)

    def _path(self, machine: str) -> Path:
        if not _MACHINE.fullmatch(machine):
            raise BadRequest(f"{machine!r} is not the id of a pod or host.")
        return self._folder / f"{machine}.json"
