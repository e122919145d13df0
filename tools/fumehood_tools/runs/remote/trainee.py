"""One order that was given to other machines: the thread of a place writes it, the run reads it."""

import threading
from pathlib import Path

from fumehood_tools.errors import FumehoodError
from fumehood_tools.glass import remove_folder
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.targets import Effort, PlaceLost


class RemoteTrainee:
    """See runs.targets.Trainee."""

    def __init__(self, order: TrainingOrder, folder: Path) -> None:
        """folder: of this order alone, on this machine; made when files arrive."""
        self.order = order
        self._folder = folder
        self._lock = threading.Lock()
        self._doing, self._fraction = "", 0.0
        self._started: str | None = None
        self._effort: Effort | None = None
        self._failure: FumehoodError | None = None
        self._has_ended = False

    @property
    def out(self) -> Path:
        """The folder that results are brought to."""
        return self._folder / "brought"

    @property
    def started(self) -> str | None:
        """When the training began, by the clock of its machine."""
        with self._lock:
            return self._started

    @property
    def doing(self) -> str:
        """What happens now."""
        with self._lock:
            return self._doing

    @property
    def has_ended(self) -> bool:
        """Whether nobody waits for it any more."""
        with self._lock:
            return self._has_ended

    def fraction(self) -> float:
        """Return the completed share of the training."""
        with self._lock:
            return self._fraction

    def finished(self) -> Effort | None:
        """Return what the training took, None before. Raises PlaceLost, or why it failed."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            return self._effort

    def end(self) -> None:
        """Wait for it no more, and remove its files here. Its place cancels what still runs."""
        with self._lock:
            self._has_ended = True
        remove_folder(self._folder)

    def tell(self, doing: str) -> None:
        """Take note of what its place does now."""
        with self._lock:
            self._doing = doing

    def progress(self, fraction: float) -> None:
        """Take note of the completed share."""
        with self._lock:
            self._fraction = fraction

    def succeed(self, effort: Effort, started: str) -> None:
        """Take note that its files are in `out`."""
        with self._lock:
            self._effort, self._started, self._doing = effort, started, ""

    def fail(self, error: FumehoodError) -> None:
        """Take note of why there is no SAE. The variant or its limits are to blame."""
        with self._lock:
            self._failure, self._doing = error, ""

    def lose(self, loss: PlaceLost) -> None:
        """Take note that its place is gone."""
        self.fail(loss)
