"""Targets and trainees that pass everything on to a real one; fakes override what they change."""

from pathlib import Path

from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.targets import Effort, Target, Trainee


class WrappedTarget:
    """Passes everything on to a target."""

    def __init__(self, target: Target) -> None:
        self.device, self.arithmetic = target.device, target.arithmetic
        self._target = target

    def places(self) -> int:
        return self._target.places()

    def start(self, order: TrainingOrder) -> Trainee:
        return self._target.start(order)

    def tend(self) -> None:
        self._target.tend()

    def close(self) -> None:
        self._target.close()


class WrappedTrainee:
    """Passes everything on to a trainee."""

    def __init__(self, trainee: Trainee) -> None:
        self._trainee = trainee

    @property
    def out(self) -> Path:
        return self._trainee.out

    @property
    def started(self) -> str | None:
        return self._trainee.started

    @property
    def is_taken_over(self) -> bool:
        return self._trainee.is_taken_over

    @property
    def doing(self) -> str:
        return self._trainee.doing

    @property
    def spent(self) -> Effort | None:
        return self._trainee.spent

    def fraction(self) -> float:
        return self._trainee.fraction()

    def finished(self) -> Effort | None:
        return self._trainee.finished()

    def end(self) -> None:
        self._trainee.end()
