"""A run's target and scorer, with notes on what is trained and what is scored at the same time."""

import contextlib
from collections.abc import Iterator
from typing import IO

from fakes.wrapped_runs import WrappedTarget, WrappedTrainee
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.scorer_line import Scorer, scorer_here
from fumehood_tools.runs.targets import Effort, Target, Trainee
from fumehood_tools.scoring.requests import (
    ScorerReady,
    ScoringAnswer,
    ScoringFailure,
    ScoringRequest,
    ScoringSetup,
)
from fumehood_tools.spec import SandboxSpec


class Witness:
    """Notes every moment at which a training or a scoring begins.

    moments: names of what is in training, and of what is being scored, after each beginning.
    """

    def __init__(self) -> None:
        self.training: set[str] = set()
        self.scoring: list[str] = []
        self.moments: list[tuple[frozenset[str], frozenset[str]]] = []

    def note(self) -> None:
        """Note what runs now."""
        self.moments.append((frozenset(self.training), frozenset(self.scoring)))

    def together(self, *names: str) -> list[tuple[frozenset[str], frozenset[str]]]:
        """Return the moments at which some of these files were trained and some were scored."""

        def has(some: frozenset[str]) -> bool:
            return any(one.rpartition(" seed ")[0] in names for one in some)

        return [moment for moment in self.moments if has(moment[0]) and has(moment[1])]

    def target(self, target: Target) -> "WitnessedTarget":
        """Return a target whose trainings are noted."""
        return WitnessedTarget(target, self)

    @contextlib.contextmanager
    def scorer(self, spec: SandboxSpec, prints: IO[bytes]) -> Iterator[Scorer]:
        """Yield a scorer on this machine whose scorings are noted."""
        with scorer_here(spec, prints) as scorer:
            yield WitnessedScorer(scorer, self)


class WitnessedTarget(WrappedTarget):
    """A target whose orders count as in training from when they are given until they have ended."""

    def __init__(self, target: Target, witness: Witness) -> None:
        super().__init__(target)
        self._witness = witness

    def start(self, order: TrainingOrder) -> Trainee:
        self._witness.training.add(order.name)
        self._witness.note()
        return WitnessedTrainee(super().start(order), order.name, self._witness)


class WitnessedTrainee(WrappedTrainee):
    """One order of such a target."""

    def __init__(self, trainee: Trainee, name: str, witness: Witness) -> None:
        super().__init__(trainee)
        self._name, self._witness = name, witness

    def finished(self) -> Effort | None:
        effort = super().finished()
        if effort is not None:
            self._witness.training.discard(self._name)
        return effort


class WitnessedScorer:
    """A scorer whose requests count as being scored from when they are asked until the answer."""

    def __init__(self, scorer: Scorer, witness: Witness) -> None:
        self._scorer, self._witness = scorer, witness

    def prepare(self, setup: ScoringSetup) -> None:
        self._scorer.prepare(setup)

    def ask(self, request: ScoringRequest) -> None:
        self._witness.scoring.append(request.name)
        self._witness.note()
        self._scorer.ask(request)

    def receive(
        self, seconds: float, *, owed: bool = True
    ) -> list[ScorerReady | ScoringAnswer | ScoringFailure]:
        replies = self._scorer.receive(seconds, owed=owed)
        for reply in replies:
            if not isinstance(reply, ScorerReady) and reply.name is not None:
                self._witness.scoring.remove(reply.name)
        return replies
