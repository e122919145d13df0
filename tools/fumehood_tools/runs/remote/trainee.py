"""One order that was given to other machines: the thread of a place writes it, the run reads it."""

import threading
from pathlib import Path

from fumehood_tools.errors import FumehoodError
from fumehood_tools.glass import remove_folder
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.targets import Effort, PlaceLost
from fumehood_tools.timestamps import now


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
        self._has_ended = self._is_taken_over = False

    @property
    def out(self) -> Path:
        """The folder with the results, as far as they were taken over."""
        return self._folder / "handed-back"

    @property
    def arrived(self) -> Path:
        """The folder that receives what the machine sends, whatever that is."""
        return self._folder / "arrived"

    @property
    def started(self) -> str | None:
        """When the training began, by our clock."""
        with self._lock:
            return self._started

    @property
    def is_taken_over(self) -> bool:
        """Whether an earlier run began this very training."""
        with self._lock:
            return self._is_taken_over

    @property
    def doing(self) -> str:
        """What happens now."""
        with self._lock:
            return self._doing

    @property
    def spent(self) -> Effort | None:
        """What it took, also where it failed."""
        with self._lock:
            return self._effort

    @property
    def is_trained(self) -> bool:
        """Whether its results are here, and somebody still needs them."""
        with self._lock:
            return self._effort is not None and self._failure is None and not self._has_ended

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

    def take_over(self) -> None:
        """Take note that an earlier run began its training, which goes on or is done."""
        with self._lock:
            self._is_taken_over = True

    def begin(self) -> None:
        """Take note that its training begins now, or was found to have begun."""
        with self._lock:
            self._started = now()

    def succeed(self, effort: Effort) -> None:
        """Take note that its files are in `out`."""
        with self._lock:
            self._effort, self._doing = effort, ""

    def fail(self, error: FumehoodError, effort: Effort | None = None) -> None:
        """Take note of why there is no SAE. The variant or its limits are to blame."""
        with self._lock:
            self._failure, self._effort, self._doing = error, effort, ""

    def lose(self, loss: PlaceLost) -> None:
        """Take note that its place is gone, unless it is over already."""
        with self._lock:
            if self._failure is None and self._effort is None:
                self._failure, self._doing = loss, ""
