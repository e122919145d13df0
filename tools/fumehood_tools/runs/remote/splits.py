"""How the training split of a run's activations gets to a machine that trains."""

from collections.abc import Callable
from typing import Protocol

from fumehood_tools.pods.agent import JobSpec, JobStatus
from fumehood_tools.pods.ssh import upload
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.remote.shards import TrainingShards

RunThere = Callable[[JobSpec], JobStatus]
"""Runs a job on the machine, which is looked after meanwhile; returns its status at the end."""


class Split(Protocol):
    """The training split, wherever it is. Used by the threads of all places."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the shards that are read, in order."""
        ...

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names of the shards that are predicted, in order; none if they are those read."""
        ...

    def bring(self, opened: OpenPlace, folder: str, run: RunThere) -> None:
        """See that a machine has all shards in a folder below the agent's.

        Raises SshFailed, RunFailed, PlaceLost.
        """
        ...


class SplitHere:
    """The usual one: its shards are on this machine, and are sent."""

    def __init__(self, shards: TrainingShards) -> None:
        self._shards = shards

    @property
    def names(self) -> tuple[str, ...]:
        """See Split."""
        return self._shards.input_names

    @property
    def target_names(self) -> tuple[str, ...]:
        """See Split."""
        return self._shards.target_names

    def bring(self, opened: OpenPlace, folder: str, run: RunThere) -> None:
        """Send what is not there."""
        agent = opened.agent
        for name, shard in self._shards.files().items():
            upload(agent.machine, shard, f"{agent.root}/{folder}/{name}")
