"""Targets that need no machine: places, losses and delays are written down beforehand."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fakes.wrapped_runs import WrappedTarget, WrappedTrainee
from fumehood_tools.errors import RunFailed
from fumehood_tools.files import write_bytes
from fumehood_tools.harvest import Activations
from fumehood_tools.receipts import WEIGHTS_FILE
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.targets import Effort, PlaceLost, Target, Trainee
from fumehood_tools.where import Where, here

LOST, FAILED, TRAINED = "lost", "failed", "trained"


def activations(folder: str) -> Activations:
    """Return activations as a harvest into a folder describes them; the folder is not read."""
    place = Path(folder)
    return Activations(
        digest="0123456789abcdef",
        folder=place,
        train_shards=(place / "train" / "00000.npy",),
        eval_shards=(place / "eval" / "00000.npy",),
        eval_tokens_file=place / "eval_tokens.npy",
        documents_file=place / "documents.json",
        train_tokens=8_000,
        eval_tokens=2_032,
        d_model=64,
        dtype="float32",
        scale=1.5,
        subject_identity="s",
        corpus_digest="c",
    )


class ScriptedTarget:
    """Trains nothing: each order of a variant ends as the script says, in the order given.

    script: variant -> ends of its orders, then "trained". busy: looks at a trainee before it ends.
    seconds: what each training says that it took.
    """

    def __init__(
        self,
        folder: Path,
        script: Mapping[str, Sequence[str]] | None = None,
        places: int = 2,
        busy: int = 0,
        seconds: float = 60.0,
    ) -> None:
        self.device, self.arithmetic, self.place_count = "cuda", "bfloat16", places
        self.orders: list[TrainingOrder] = []
        self.trainees: list[ScriptedTrainee] = []
        self.is_closed = False
        self._folder, self._busy, self._seconds = folder, busy, seconds
        self._script = {name: list(ends) for name, ends in (script or {}).items()}

    def places(self) -> int:
        return self.place_count

    def start(self, order: TrainingOrder) -> "ScriptedTrainee":
        ends = self._script.get(order.variant)
        end = ends.pop(0) if ends else TRAINED
        folder = self._folder / f"order-{len(self.orders)}"
        trainee = ScriptedTrainee(order, folder, end, self._busy, self._seconds)
        self.orders.append(order)
        self.trainees.append(trainee)
        return trainee

    def tend(self) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True


class ScriptedTrainee:
    """Ends after some looks, as it was told to."""

    def __init__(
        self, order: TrainingOrder, out: Path, end: str, busy: int, seconds: float
    ) -> None:
        self.order, self.out, self.has_ended = order, out, False
        self._end, self._busy, self._seconds = end, busy, seconds

    @property
    def started(self) -> str | None:
        return None if self._busy else "2026-01-01T00:00:00+00:00"

    @property
    def is_taken_over(self) -> bool:
        return False

    @property
    def doing(self) -> str:
        return f"booting a pod for {self.order.name}"

    @property
    def where(self) -> Where:
        return here("cuda", 8, "landlock").model_copy(update={"machine": "a rented H200"})

    @property
    def spent(self) -> Effort | None:
        return None

    def fraction(self) -> float:
        return 0.5

    def finished(self) -> Effort | None:
        if self._busy > 0:
            self._busy -= 1
            return None
        if self._end == LOST:
            raise PlaceLost(f"pod {self.out.name}", "it was preempted")
        if self._end == FAILED:
            raise RunFailed("mine.py: the loss was not finite. Look for a division by zero.")
        write_bytes(self.out / WEIGHTS_FILE, b"weights of " + self.order.name.encode())
        return Effort(self._seconds, None, self.where, "bfloat16", usd=0.04)

    def end(self) -> None:
        self.has_ended = True


class LosesPlaces(WrappedTarget):
    """A real target whose place is lost while it trains some variants.

    losses: variant -> how many of its orders lose their place.
    """

    def __init__(self, target: Target, losses: Mapping[str, int]) -> None:
        super().__init__(target)
        self.orders: list[TrainingOrder] = []
        self._losses = dict(losses)

    def start(self, order: TrainingOrder) -> Trainee:
        self.orders.append(order)
        trainee = super().start(order)
        if self._losses.get(order.variant, 0):
            self._losses[order.variant] -= 1
            return LosesItsPlace(trainee, f"pod-{len(self.orders)}")
        return trainee


class LosesItsPlace(WrappedTrainee):
    """A trainee whose place is lost when its training has begun."""

    def __init__(self, trainee: Trainee, place: str) -> None:
        super().__init__(trainee)
        self._place = place

    def finished(self) -> Effort | None:
        if self.started is None:
            return super().finished()
        raise PlaceLost(self._place, "it was preempted")
