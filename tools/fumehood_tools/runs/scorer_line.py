"""A job's end of the line to the scorer: typed requests go out, typed replies come in.

The scorer is a process on this machine, on a pod or on a host: see runs/remote/scoring_there.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import IO, Protocol

from pydantic import Field

from fumehood_tools.children import HUB_KEYS, LineChild
from fumehood_tools.records.scores import RentedPlace
from fumehood_tools.runs.harvesting import scoring_patience
from fumehood_tools.scoring.requests import (
    ScorerReady,
    ScoringAnswer,
    ScoringFailure,
    ScoringRequest,
    ScoringSetup,
    read_reply,
)
from fumehood_tools.spec import SandboxSpec

SCORER = "fumehood_tools.scoring"
"""The module that is the scorer's process."""


class AnswerThere(ScoringAnswer, frozen=True):
    """The score of an SAE by a scorer on another machine: a rented one, or a host of the user's."""

    rented: RentedPlace | None
    host: str | None = Field(None, description="the host's name; None: the machine is rented")

    @property
    def usd(self) -> float:
        """The price of that machine for the seconds of this scoring; 0 where it is not rented."""
        if self.rented is None:
            return 0.0
        return self.rented.price_usd_per_hour * self.seconds / 3600


class Scorer(Protocol):
    """What scores the SAEs of a run, wherever it is."""

    def prepare(self, setup: ScoringSetup) -> None:
        """Send the setup, which must be the first message."""
        ...

    def ask(self, request: ScoringRequest) -> None:
        """Ask for a score, without waiting for it."""
        ...

    def receive(
        self, seconds: float, *, owed: bool = True
    ) -> list[ScorerReady | ScoringAnswer | ScoringFailure]:
        """Return the replies that have arrived, waiting up to `seconds` for the first.

        owed: a reply is expected. Raises why there will be none.
        """
        ...


OpenScorer = Callable[[SandboxSpec, IO[bytes]], AbstractContextManager[Scorer]]
"""Opens the scorer of a run. spec: of the sandbox; a file for what libraries print there."""


@contextlib.contextmanager
def scorer_here(spec: SandboxSpec, prints: IO[bytes]) -> Iterator[Scorer]:
    """Yield a scorer on this machine, whose imports begin at once."""
    with LineChild(SCORER, keys=HUB_KEYS, stderr=prints) as child:
        yield ScorerLine(child, spec)


class ScorerLine:
    """Talks to a scorer on this machine. The process is the caller's, who also ends it."""

    def __init__(self, child: LineChild, spec: SandboxSpec) -> None:
        """child: a process of SCORER. spec: of the sandbox, whose limits bound a scoring."""
        self._child, self._patience = child, scoring_patience(spec)

    def prepare(self, setup: ScoringSetup) -> None:
        """Send the setup, which must be the first message."""
        self._child.send(setup.model_dump_json())

    def ask(self, request: ScoringRequest) -> None:
        """Ask for a score, without waiting for it. Replies come in the order of the requests."""
        self._child.send(request.model_dump_json())

    def receive(
        self, seconds: float, *, owed: bool = True
    ) -> list[ScorerReady | ScoringAnswer | ScoringFailure]:
        """Return the replies that have arrived, waiting up to `seconds` for the first.

        owed: a reply is expected, so a scorer that stays silent for too long is given up. Raises
        the error that made the setup fail, ChildEnded, and RunFailed.
        """
        lines = self._child.receive(seconds, patience=self._patience if owed else None)
        replies = [read_reply(line) for line in lines]
        for reply in replies:
            if isinstance(reply, ScoringFailure) and reply.name is None:
                raise reply.error.as_error()
        return replies

    def next(self) -> ScorerReady | ScoringAnswer | ScoringFailure:
        """Wait for one reply, where only one is owed."""
        while True:
            for reply in self.receive(1.0):
                return reply
