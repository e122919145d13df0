"""A job's end of the line to the scorer: typed requests go out, typed replies come in."""

from fumehood_tools.children import LineChild
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


class ScorerLine:
    """Talks to a scorer. The process is the caller's, who also ends it."""

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
