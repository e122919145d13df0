"""The scorer as a process: `python -m fumehood_tools.scoring`, JSON lines in and out.

First line in: a ScoringSetup; answer {"ready": true}. Every further line: a ScoringRequest; answer
{"name": …, "metrics": …, "seconds": …} or {"name": …, "error": {"code": …, "message": …}}.
Answers come in the order of the requests. The children of the next request start while one is
being scored.
"""

import json
import os
import sys
import warnings
from collections import deque
from typing import TYPE_CHECKING

from fumehood_tools.errors import FumehoodError
from fumehood_tools.lines import LineReader
from fumehood_tools.scoring.requests import ScoringRequest, ScoringSetup

if TYPE_CHECKING:
    from fumehood_tools.scoring.scorer import PendingScore, Scorer


def describe(error: FumehoodError) -> dict[str, str]:
    """Return an error as JSON."""
    return {"code": error.code, "message": str(error)}


class Queue:
    """Requests that have come in, each with its children started, at most `AHEAD` of them."""

    AHEAD = 2

    def __init__(self, scorer: "Scorer", lines: LineReader, waiting: list[str]) -> None:
        self.scorer, self.lines = scorer, lines
        self.waiting = deque(waiting)
        self.started: deque[PendingScore] = deque()
        self.open = True

    def next(self) -> "PendingScore | None":
        """Return the next request, None when there will be no more."""
        self._fill(wait_seconds=0.0)
        while not self.started and self.open:
            self._fill(wait_seconds=None)
        return self.started.popleft() if self.started else None

    def _fill(self, wait_seconds: float | None) -> None:
        if self.open:
            arrived = self.lines.read(wait_seconds)
            self.open = arrived is not None
            self.waiting.extend(arrived or [])
        while self.waiting and len(self.started) < self.AHEAD:
            request = ScoringRequest.model_validate_json(self.waiting.popleft())
            self.started.append(self.scorer.start(request))

    def start_ahead(self) -> None:
        """Start the children of what has come in meanwhile."""
        self._fill(wait_seconds=0.0)


def main() -> None:
    """Serve until standard input ends."""
    # sae-bench's beartype hints fail under current jaxtyping; must be set before its import.
    os.environ["JAXTYPING_DISABLE"] = "1"
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(content: dict[str, object]) -> None:
        print(json.dumps(content), file=answers, flush=True)

    from fumehood_tools.scoring.scorer import Scorer

    lines = LineReader(0)
    setup, *waiting = lines.read(None) or [""]
    try:
        scorer = Scorer(ScoringSetup.model_validate_json(setup))
    except FumehoodError as error:
        answer({"error": describe(error)})
        sys.exit(1)
    answer({"ready": True})
    queue = Queue(scorer, lines, waiting)
    while (pending := queue.next()) is not None:
        queue.start_ahead()
        try:
            answer({"name": pending.request.name, **pending.score()})
        except FumehoodError as error:
            answer({"name": pending.request.name, "error": describe(error)})


if __name__ == "__main__":
    main()
