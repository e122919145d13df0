"""Places on the user's own hosts: one for each GPU, or one for a host without GPUs.

One training at a time runs on a place, by whichever run of this workspace: a lock on this machine
sees to that. A GPU whose memory somebody else uses is not taken. One more place of a host scores,
on its processor.
"""

import contextlib
from pathlib import Path

from fumehood_tools.errors import FumehoodError, RunFailed, StorageFailed
from fumehood_tools.locking import exclusive
from fumehood_tools.pods.agent import Agent
from fumehood_tools.pods.hosts import Host
from fumehood_tools.pods.ssh import ClientKey, HostKeys, KeyFile, Machine, SshFailed
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.targets import PlaceLost

LOCK_SECONDS = 5.0
BUSY_MB = 1_000
"""More GPU memory in use than this means that somebody computes there."""


class HostPlace:
    """One GPU of a host, or its processor. See RemotePlace."""

    def __init__(self, host: Host, gpu: int | None, state: Path, *, scores: bool = False) -> None:
        """gpu: its number; None: the processor. state: the workspace's .fumehood. scores: this
        place trains nothing."""
        part = ", scoring" if scores else "" if gpu is None else f", GPU {gpu}"
        self.name = f"{host.name}{part}"
        self._host, self._gpu, self._state = host, gpu, state
        self._use = "scoring" if scores else str(gpu)
        self._held = contextlib.ExitStack()
        self._agent: Agent | None = None

    @property
    def key(self) -> str:
        """See RemotePlace."""
        return f"host {self._host.name} {self._use}"

    @property
    def has_gpu(self) -> bool:
        """Whether its trainings compute on a GPU."""
        return self._gpu is not None

    def for_scoring(self) -> "HostPlace":
        """Return the place on the same host that scores."""
        return HostPlace(self._host, None, self._state, scores=True)

    def open(self) -> OpenPlace:
        """Connect and install the agent. Raises RunFailed if somebody else uses the place."""
        try:
            if self._agent is None:
                self._hold()
            return self._opened()
        except FumehoodError:
            self.release("it could not be opened")
            raise

    def look(self) -> None:
        """See that the host answers. Raises PlaceLost."""
        assert self._agent is not None
        try:
            self._agent.health()
        except SshFailed as error:
            raise PlaceLost(self.name, str(error)) from error

    def release(self, why: str) -> None:
        """Let other runs have the place. The host keeps code and data for the next time."""
        agent, self._agent = self._agent, None
        if agent is not None:
            agent.machine.close()
        self._held.close()

    def _hold(self) -> None:
        lock = self._state / "pods" / f"place-{self._host.name}-{self._use}.lock"
        try:
            self._held.enter_context(exclusive(lock, seconds=LOCK_SECONDS))
        except StorageFailed as error:
            raise RunFailed(f"{self.name} is used by another run of this workspace.") from error

    def _opened(self) -> OpenPlace:
        host = self._host
        machine = self._machine()
        home = machine.again(lambda shell: shell.check(["pwd"])).text.strip()
        root = str(Path(home) / host.folder / ".fumehood")
        self._agent = agent = Agent(machine, root, host.python)
        agent.install()
        self._check_is_free(agent)
        # As on this machine: a training on a GPU has one thread, on a processor all cores.
        threads = 0 if self._gpu is None else 1
        return OpenPlace(agent, self._gpu, threads, host.python, hidden=(home,), host=host.name)

    def _machine(self) -> Machine:
        host, known = self._host, HostKeys(self._state)
        key = ClientKey(self._state) if host.key_file is None else KeyFile(host.key_file)
        name, expected = f"host-{host.name}", () if host.host_key is None else (host.host_key,)
        pinned = known.of(name)
        # What the user wrote down counts for more than what was seen at the first connection.
        if expected and pinned is not None and pinned.fingerprint not in expected:
            known.forget(name)
        return Machine(name, host.ssh, key, known, expected)

    def _check_is_free(self, agent: Agent) -> None:
        health = agent.health()
        used = health.gpu_memory_mb
        if self._gpu is None or used is None:
            return
        if self._gpu >= len(used):
            raise RunFailed(f"{self._host.name} has {len(used)} GPUs. Correct gpus in hosts.toml.")
        if used[self._gpu] > BUSY_MB and not health.living:
            raise RunFailed(
                f"{self.name} is in use: {used[self._gpu]:,} MiB of its memory are taken. Wait, or "
                "use another one."
            )


def places_of(host: Host, state: Path) -> list[HostPlace]:
    """Return all places of a host."""
    numbers: list[int | None] = [*range(host.gpus)] if host.gpus else [None]
    return [HostPlace(host, number, state) for number in numbers]
