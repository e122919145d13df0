"""Measure how much processor time a training may take, by training packaged variants briefly.

A variant's work is compared with the more expensive of two packaged variants: its parent (declared,
or by its base class) and `standard`. The packaged topk computes active latents only, which can take
a tenth of the time of an honest dense TopK; `standard` takes as long as a plain dense SAE while
many latents are active, as in the first steps, which are the ones that are measured. A packaged
file is compared with itself.

Each reference is measured once per job and number of threads, with the code and the data of the
trainings, for SECONDS of processor time. As many copies run in parallel as there will be trainings,
so that they compete for the machine in the same way.
"""

from collections import deque
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.files import write_bytes
from fumehood_tools.glass import ChildLimits, GlassChild, Nursery, remove_folder, take_json
from fumehood_tools.harvest import Activations
from fumehood_tools.kinds import kind_named, template_folder
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.orders import Recipe, TrainingOrder
from fumehood_tools.runs.training import Place, training_spec
from fumehood_tools.runs.work import ReferenceTraining
from fumehood_tools.sandbox.declarations import parent_of_base, read_declarations
from fumehood_tools.sandbox.variants import packaged_variants

# Enough for 13 of 195 steps at D = 576, F = 1,536 on one thread. The estimates were within 15 % of
# the times of the packaged files, on two cores that three other processes used too.
SECONDS = 0.7
STANDARD, UNTRAINED = "standard", "untrained"
ANSWER, MOST_BYTES = "reference.json", 4_096


class _Rehearsal(NamedTuple):
    """A packaged variant that is being trained briefly, to measure it."""

    name: str
    threads: int
    child: GlassChild


def rivals_of(order: TrainingOrder) -> tuple[str, ...]:
    """Return the packaged variants to compare an order's work with; the slowest one counts."""
    packaged = packaged_variants(kind_named(order.recipe.kind))
    trained = packaged.keys() - {UNTRAINED}
    own = order.variant if packaged.get(order.variant) == order.file_sha256 else None
    if own in trained and order.sha256 == order.file_sha256:
        return (own,)
    parents = own, read_declarations(order.source).parent, parent_of_base(order.source)
    parent = next((name for name in parents if name in trained), None)
    return tuple(dict.fromkeys(name for name in (parent, STANDARD) if name is not None))


class References:
    """Measures packaged variants while trainings wait; remembers the results for the whole job."""

    def __init__(
        self,
        recipe: Recipe,
        activations: Activations,
        nursery: Nursery,
        targets: Activations | None = None,
        integer_screening: bool = False,
    ) -> None:
        """activations, targets: those that the recipe names, on this machine.

        integer_screening: as in the trainings that are compared with these.
        """
        self.recipe, self.nursery = recipe, nursery
        self._shards = activations.train_shards
        self._targets = targets.train_shards if targets else ()
        self._integer_screening = integer_screening
        self._seconds: dict[tuple[str, int], list[float]] = {}
        self._waiting: deque[tuple[str, int]] = deque()
        self._running: list[_Rehearsal] = []
        self._started = 0

    @property
    def is_busy(self) -> bool:
        """True while measurements are running or waiting."""
        return bool(self._waiting or self._running)

    def ready(self, names: Sequence[str], threads: int, places: int) -> bool:
        """Return True if all names are measured with `threads` threads; start missing measurements.

        places: how many children may run at the same time.
        """
        keys = [(name, threads) for name in names]
        missing = [key for key in keys if key not in self._seconds]
        for key in missing:
            self._seconds[key] = []
            self._waiting.extend([key] * ceil(places / len(missing)))
        self._collect()
        while self._waiting and len(self._running) < places:
            self._start(*self._waiting.popleft())
        going = {*self._waiting, *((r.name, r.threads) for r in self._running)}
        return going.isdisjoint(keys)

    def dearest(self, names: Sequence[str], threads: int) -> ReferenceTraining:
        """Return the most expensive of the measured references.

        Raises RunFailed if no measurement succeeded: without one, a training has no budget.
        """
        found = [
            ReferenceTraining(name, fmean(seconds))
            for name in names
            if (seconds := self._seconds.get((name, threads)))
        ]
        if not found:
            raise RunFailed(
                f"The cost of training {' or '.join(names)} could not be measured, so there is no "
                "work budget for this training. Read the job's log for the reason; if "
                "limits.memory_gb or limits.train_minutes in sandbox.toml are low, raise them."
            )
        return max(found, key=lambda reference: reference.seconds)

    def end(self) -> None:
        """End all measurements that are still running."""
        for rehearsal in self._running:
            rehearsal.child.end()

    def _start(self, name: str, threads: int) -> None:
        self._started += 1
        folder = self.nursery.scratch_root / f"reference-{name}-{self._started}"
        # Copy the file: the template's variants are not in a child's view.
        variant = folder / f"{name}.py"
        packaged = template_folder(kind_named(self.recipe.kind)) / "variants" / variant.name
        write_bytes(variant, packaged.read_bytes())
        place = Place(folder, self.nursery, threads, self._integer_screening)
        content = training_spec(self.recipe, self._shards, place, variant, self._targets)
        limits = self.recipe.limits
        child = self.nursery.start(
            "fumehood_child.reference",
            {**content, "seconds": SECONDS, "out": str(folder)},
            scratch=folder / "child",
            readable=[variant, *self._shards, *self._targets],
            limits=ChildLimits(
                wall_seconds=limits.train_minutes * 60,
                memory_gb=limits.memory_gb,
                threads=threads,
                cuda=self.recipe.device == "cuda",
            ),
        )
        self._running.append(_Rehearsal(name, threads, child))

    def _collect(self) -> None:
        for rehearsal in list(self._running):
            if (outcome := rehearsal.child.poll()) is None:
                continue
            self._running.remove(rehearsal)
            name, threads = rehearsal.name, rehearsal.threads
            try:
                seconds = self._answer(rehearsal.child.scratch)
            except (FumehoodError, ValueError, TypeError, KeyError) as error:
                last = outcome.output_tail[-300:]
                log("measure", name, f"failed: {error!r}. Last output: {last}")
            else:
                self._seconds[name, threads].append(seconds)
                log("measure", name, f"a training takes {seconds:.2f} s with {threads} threads")
            remove_folder(rehearsal.child.scratch.parent)

    def _answer(self, folder: Path) -> float:
        found = take_json(folder, ANSWER, MOST_BYTES)
        if found is None:
            raise RunFailed("the child ended without a result")
        return float(found["start"]) + float(found["step"]) * (self.recipe.steps - 1)
