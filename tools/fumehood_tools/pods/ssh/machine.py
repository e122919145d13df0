"""A host that is reached by ssh again and again: after cuts, restarts, and a crash of ours."""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from fumehood_tools.pods.api.model import SshAddress
from fumehood_tools.pods.ssh.failures import LinkLost, TooSlow
from fumehood_tools.pods.ssh.keys import ClientKey, HostKey, HostKeys, KeyFile
from fumehood_tools.pods.ssh.shell import Shell

T = TypeVar("T")
PATIENCE_SECONDS = 120.0
MOST_CUTS = 50
FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 0.2, 10.0


def _nobody_knows() -> None:
    """Ask nobody whether a machine is still there."""


class Machine:
    """A pod or host, its address, and the connection to it. Safe to share between threads.

    Its host key is pinned at the first connection, under the id of the pod or host.
    """

    def __init__(
        self,
        machine: str,
        address: SshAddress,
        key: ClientKey | KeyFile,
        host_keys: HostKeys,
        expected: tuple[str, ...] = (),
        patience_s: float = PATIENCE_SECONDS,
        see: Callable[[], object] = _nobody_knows,
    ) -> None:
        """machine: the id of the pod or host. expected: fingerprints known from elsewhere.

        patience_s: for how long a machine that does not answer is tried again. see: called before
        each try to connect; raises if somebody else knows that the machine is gone, so that nobody
        waits for it. That ends the call.
        """
        self.id, self.address = machine, address
        self._key, self._host_keys, self._expected = key, host_keys, expected
        self._patience, self._see = patience_s, see
        self._shell: Shell | None = None
        self._lock = Lock()

    @property
    def host_key(self) -> HostKey:
        """The host key, and where our knowledge of it comes from. Connects if needed."""
        return self.again(lambda shell: shell.host_key)

    def again(self, call: Callable[[Shell], T]) -> T:
        """Return call(shell), called again with a new connection after every cut.

        So call must be something that can be done twice. Raises what it raises, and LinkLost when
        the machine has not let us in for patience_s, or has cut MOST_CUTS connections; and what
        `see` raises.
        """
        for left in reversed(range(MOST_CUTS)):
            shell = self._connected()
            try:
                return call(shell)
            except LinkLost:
                self._drop(shell)
                if not left:
                    raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the connection, if there is one; the next call opens another."""
        with self._lock:
            shell, self._shell = self._shell, None
        if shell is not None:
            shell.close()

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _drop(self, shell: Shell) -> None:
        with self._lock:
            if self._shell is shell:
                self._shell = None
        shell.close()

    def _connected(self) -> Shell:
        from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

        with self._lock:
            if self._shell is None:
                retrying = Retrying(
                    retry=retry_if_exception_type((LinkLost, TooSlow)),
                    stop=stop_after_delay(self._patience),
                    wait=wait_exponential(FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS),
                    reraise=True,
                )
                self._shell = retrying(self._open)
            return self._shell

    def _open(self) -> Shell:
        self._see()
        pinned = self._host_keys.of(self.id)
        shell = Shell.open(
            self.address, self._key.private(), pinned=pinned, expected=self._expected
        )
        if pinned is None:
            self._host_keys.pin(self.id, shell.host_key)
        return shell
