"""Where trainings run: the interface between a run and the machines that train for it.

    target.start(order) -> trainee      at once, also where a place must boot first
    trainee.finished()                  None, or what it took; its files are in trainee.out

A run is one local job whatever its target: it decides what is trained, scores the weights and signs
the records. A target has places, which may come and go. It is driven by one thread, several times
a second, so no method waits for a training or for a machine. local_target.py is this machine.

A target limits what a training may cost: by its work, if it measures a packaged variant in the
same place (references.py), or else by the wall clock of the order's limits alone. Then the seconds
of the training are its work, which comparisons hold against those of the baseline.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from fumehood_tools.errors import FumehoodError
from fumehood_tools.records.scores import RentedPlace
from fumehood_tools.records.work import Work
from fumehood_tools.runs.harvesting import Harvest
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.settings import GlassLevel, Settings
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.where import Where


class PlaceLost(FumehoodError):
    """A place went away before its training had ended. The variant is not to blame."""

    code = "place_lost"

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place} was lost: {why}. The variant is not to blame; start it again.")
        self.place, self.why = place, why


class Effort(NamedTuple):
    """What a training cost: wall-clock seconds, and its work; None: no reference was measured.

    where: the machine it ran on, as whoever started it there reports it; arithmetic: of its large
    matrix products; usd: the price of the rented machine for these seconds, without its boot and
    its idle time, which the job's result has; None: nobody told it; rented: that machine.
    """

    seconds: float
    work: Work | None
    where: Where
    arithmetic: str = "float32"
    usd: float | None = 0.0
    rented: RentedPlace | None = None


class Trainee(Protocol):
    """One order that a target has taken."""

    @property
    def out(self) -> Path:
        """A local folder that no variant can write to. Once the training has ended, it holds
        the weights, config.json and train_log.jsonl, as far as they were left."""
        ...

    @property
    def started(self) -> str | None:
        """When the training itself began (ISO 8601, UTC); None while it waits for a place."""
        ...

    @property
    def is_taken_over(self) -> bool:
        """Whether a run that was killed began this very training, which therefore began once."""
        ...

    @property
    def doing(self) -> str:
        """What happens now, for people: "training topk seed 0". Empty: nothing to mention."""
        ...

    def fraction(self) -> float:
        """Return the completed share of the training, 0 to 1, as it reports it."""
        ...

    def finished(self) -> Effort | None:
        """Return None until the training has ended and its files are in `out`.

        Raises PlaceLost if its place is gone, and the reason as another FumehoodError if the
        training failed or exceeded a limit.
        """
        ...

    @property
    def spent(self) -> Effort | None:
        """What it took elsewhere, also where it failed; None: not known, or on this machine."""
        ...

    def end(self) -> None:
        """End the training if it runs, and remove its files from this machine. Safe to repeat."""
        ...


class Target(Protocol):
    """Machines that train. Closed at the end of the run, also after an error."""

    @property
    def device(self) -> str:
        """What its trainings compute on, cpu or cuda: part of the digest of every item."""
        ...

    @property
    def arithmetic(self) -> str:
        """The arithmetic of its trainings, float32 or bfloat16: part of that digest, too."""
        ...

    def places(self) -> int:
        """Return how many orders it can have at once now, those that it has already included.

        A number below that of its trainees ends none of them. Raises a FumehoodError, which ends
        the run, if there will never be a place again.
        """
        ...

    def start(self, order: TrainingOrder) -> Trainee:
        """Take an order, and return at once. A place that cannot be had for it, or that does not
        come up, is a PlaceLost of the trainee.

        Where the same order (by its digest) is still being trained for a run that was killed, that
        training is taken over instead of a new one started.
        """
        ...

    def tend(self) -> None:
        """Do what is due: called after orders were given, and several times a second."""
        ...

    def close(self) -> None:
        """End all trainings and give back all places."""
        ...


class RunSite(NamedTuple):
    """What a run has on this machine that its target may need.

    level: the isolation of variants. scratch: a folder for this run, which is removed at its end.
    is_scoring: whether the scorer has work, so that trainings on this machine should leave room.
    """

    spec: SandboxSpec
    settings: Settings
    found: Harvest
    level: GlassLevel
    scratch: Path
    is_scoring: Callable[[], bool]
