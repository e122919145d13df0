"""Open one ssh connection, and make sure who is at the other end.

Nothing of the user's own ssh is used: no configuration, no agent, no known_hosts.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fumehood_tools.errors import PartMissing
from fumehood_tools.pods.api.model import SshAddress
from fumehood_tools.pods.ssh.failures import (
    HostKeyChanged,
    LinkLost,
    LoginRefused,
    SshFailed,
)
from fumehood_tools.pods.ssh.keys import HostKey

if TYPE_CHECKING:
    import asyncssh

CONNECT_SECONDS, LOGIN_SECONDS = 15.0, 30.0
KEEPALIVE_SECONDS, KEEPALIVE_MISSES = 5, 3
# The choice of the cipher matters more than anything else: with it, uploads over the loopback were
# twice as fast as with asyncssh's default (measured 2026-11-22, 1 GiB: 96-100 against 48-56 MB/s).
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes128-ctr",
)

# Kind of key -> the ways to sign with it.
ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ssh-rsa": ("rsa-sha2-256", "rsa-sha2-512"),
}


class Seen:
    """Judges the host key that a machine shows, and keeps it."""

    def __init__(self, pinned: HostKey | None, expected: tuple[str, ...]) -> None:
        """pinned: the key from before. expected: fingerprints from elsewhere, () for none."""
        self._pinned, self._expected = pinned, expected
        self.key: HostKey | None = None
        self.shown = ""

    def judge(self, fingerprint: str, algorithm: str) -> bool:
        """Whether this is the key of the machine. Without any knowledge, the first one is."""
        self.shown = fingerprint
        if self._pinned is not None:
            accepted, source = fingerprint == self._pinned.fingerprint, self._pinned.source
        elif self._expected:
            accepted, source = fingerprint in self._expected, "expected"
        else:
            accepted, source = True, "first_use"
        if accepted:
            self.key = HostKey(fingerprint=fingerprint, algorithm=algorithm, source=source)
        return accepted

    def algorithms(self) -> list[str]:
        """Return the kinds of host key that we accept, best first; a pinned key's kind alone.

        A machine has several keys: asked for another kind, it would show another key.
        """
        if self._pinned is None:
            return [name for names in ALGORITHMS.values() for name in names]
        return list(ALGORITHMS.get(self._pinned.algorithm, (self._pinned.algorithm,)))

    def client(self) -> Callable[[], "asyncssh.SSHClient"]:
        """Return what asyncssh calls for a new connection."""
        import asyncssh

        judge = self.judge

        class Judging(asyncssh.SSHClient):
            def validate_host_public_key(
                self, host: str, addr: str, port: int, key: asyncssh.SSHKey
            ) -> bool:
                return judge(key.get_fingerprint(), key.get_algorithm())

        return Judging

    def refusal(self) -> HostKeyChanged:
        """Return the error for a key that was not accepted."""
        known = (self._pinned.fingerprint,) if self._pinned else self._expected
        return HostKeyChanged(
            f"The machine shows the host key {self.shown or '(none)'}, and {' or '.join(known)} is "
            "known for it: it is another machine, or someone listens in between. Nothing was sent. "
            "Terminate the pod and take a new one; for a host of your own, look at its key there."
        )


async def connect(address: SshAddress, key: bytes, seen: Seen) -> "asyncssh.SSHClientConnection":
    """Open a connection. Raises LinkLost, LoginRefused, HostKeyChanged."""
    import asyncssh

    with speaking("connecting"):
        try:
            return await asyncssh.connect(
                address.host,
                address.port,
                username=address.user,
                client_keys=[asyncssh.import_private_key(key)],
                client_factory=seen.client(),
                # Three empty lists: nobody is known, so that the client is asked. One empty list
                # would mean the user's own known_hosts.
                known_hosts=([], [], []),
                server_host_key_algs=seen.algorithms(),
                x509_trusted_certs=None,
                config=None,
                agent_path=None,
                encryption_algs=CIPHERS,
                preferred_auth="publickey",
                connect_timeout=CONNECT_SECONDS,
                login_timeout=LOGIN_SECONDS,
                keepalive_interval=KEEPALIVE_SECONDS,
                keepalive_count_max=KEEPALIVE_MISSES,
            )
        except asyncssh.HostKeyNotVerifiable as error:
            raise seen.refusal() from error
        except asyncssh.PermissionDenied as error:
            raise LoginRefused(
                f"The machine does not accept our key for the user {address.user}. Was it rented "
                "with this workspace's key (PUBLIC_KEY)? For a host of your own, add the key to "
                "authorized_keys of that user."
            ) from error


@contextmanager
def speaking(doing: str) -> Iterator[None]:
    """Turn the failures of a connection into ours."""
    import asyncssh

    lost = (
        OSError,
        EOFError,
        asyncssh.DisconnectError,
        asyncssh.ChannelOpenError,
        asyncssh.SFTPConnectionLost,
        asyncssh.SFTPNoConnection,
    )
    try:
        yield
    except lost as error:
        raise LinkLost(
            f"The connection to the machine is lost, or there is none ({doing}: "
            f"{type(error).__name__}). What was done before is kept: connect again and go on."
        ) from error
    except asyncssh.Error as error:
        raise SshFailed(
            f"ssh failed ({doing}: {type(error).__name__}). Repeat; if it fails again, use another "
            "machine."
        ) from error


def get_ready() -> None:
    """Check that asyncssh is there, and have it log no command lines. Raises PartMissing.

    At the level INFO it logs every command, and other libraries set the root logger to INFO.
    """
    try:
        import asyncssh
    except ImportError as error:
        raise PartMissing("asyncssh", "pip install 'fumehood[runpod]'") from error
    asyncssh.set_log_level(logging.WARNING)
    asyncssh.set_sftp_log_level(logging.WARNING)
    logging.getLogger("asyncio").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    # asyncssh writes on after a cut, and asyncio says so once for each of hundreds of packets.
    return record.msg != "socket.send() raised exception."
