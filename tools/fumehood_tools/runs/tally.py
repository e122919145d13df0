"""What has become of the items of a run so far: scored, scored before, or failed.

Every outcome is recorded in the results, named in the job's log, and told to whoever listens.
"""

from pathlib import Path
from typing import Protocol

from fumehood_tools.records.scores import Data, Score
from fumehood_tools.registry.sae_metrics import QUALITY, SPARSITY
from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.recording import Recorder, Stage
from fumehood_tools.runs.targets import Effort
from fumehood_tools.scoring.requests import ErrorReport, ScoringAnswer


class Listener(Protocol):
    """Is told what happens in a run, when it has been recorded. The run waits for each call."""

    def ready(self) -> None:
        """Take note that the scorer has its data."""
        ...

    def scored(self, item: RunItem, score: Score) -> None:
        """Take note of a score."""
        ...

    def failed(self, item: RunItem, stage: Stage, error: ErrorReport) -> None:
        """Take note of an item that gets no score."""
        ...


class Nobody:
    """Listens to nothing."""

    def ready(self) -> None:
        """Do nothing."""

    def scored(self, item: RunItem, score: Score) -> None:
        """Do nothing."""

    def failed(self, item: RunItem, stage: Stage, error: ErrorReport) -> None:
        """Do nothing."""


class Tally:
    """The outcomes of one run. scored, reused: names of items; failed: name -> reason."""

    def __init__(self, recorder: Recorder, listener: Listener) -> None:
        self.scored: list[str] = []
        self.reused: list[str] = []
        self.failed: dict[str, str] = {}
        self._recorder, self._listener = recorder, listener

    @property
    def ended(self) -> int:
        """How many items this run has brought to an end."""
        return len(self.scored) + len(self.failed)

    def scored_before(self, item: RunItem) -> float | None:
        """Return the L0 of an item that has a valid score, and count it; None if it must be run."""
        l0 = self._recorder.done(item)
        if l0 is not None:
            self.reused.append(item.name)
        return l0

    def ready(self, sandbox: str) -> None:
        """Log that the scorer has its data."""
        log("score", sandbox, "the scorer has its data")
        self._listener.ready()

    def begun(self, item: RunItem) -> None:
        """Record that the training of an item has begun."""
        self._recorder.begun(item)

    def start(self, item: RunItem, when: str | None) -> None:
        """Remember when the training of an item began; None: it has not."""
        if when is not None:
            self._recorder.start(item, when)

    def score(
        self, item: RunItem, out: Path, data: Data, answer: ScoringAnswer, effort: Effort
    ) -> Score:
        """Record a score. Raises RunFailed if the weights in `out` are not those scored."""
        score = self._recorder.score(item, out, data, answer, effort)
        self.scored.append(item.name)
        l0, quality = score.metrics[SPARSITY], score.metrics[QUALITY]
        took = score.cost.score_seconds
        log("score", item.name, f"L0 {l0:.1f}, explained variance {quality:.4f} ({took:.1f} s)")
        self._listener.scored(item, score)
        return score

    def failure(
        self, item: RunItem, stage: Stage, error: ErrorReport, effort: Effort | None = None
    ) -> None:
        """Record that an item gets no score, and why. effort: of its training, if it is known."""
        message = self._recorder.failure(item, stage, error, effort)
        self.failed[item.name] = message
        log(stage, item.name, f"failed: {message}")
        self._listener.failed(item, stage, error)
