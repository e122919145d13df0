"""The target on this machine: trainings behind the glass, several at once on a CPU.

All cores are used, with few threads each and many trainings in parallel; one core is left to the
scorer while it has work. With CUDA there is one place. Before the first training, and whenever the
number of threads changes, trainings wait until what their work is compared with was measured.
"""

import contextlib
import functools
from collections import deque
from pathlib import Path

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.glass import Nursery, compiled_kernels, remove_folder
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.orders import TrainingOrder, recipe_of
from fumehood_tools.runs.references import References, rivals_of
from fumehood_tools.runs.targets import Effort, RunSite
from fumehood_tools.runs.training import Place, Training
from fumehood_tools.timestamps import now


class LocalTarget:
    """Trains on this machine. Nothing is loaded before the first order."""

    def __init__(self, site: RunSite) -> None:
        self.device, self.arithmetic = site.found.device, site.found.arithmetic
        self._site = site
        self._waiting: deque[LocalTrainee] = deque()
        self._running: list[LocalTrainee] = []
        self._open = contextlib.ExitStack()

    def places(self) -> int:
        """Return the number of trainings that should run now."""
        if self.device != "cpu":
            return 1
        cores = self._site.found.threads
        return max(1, cores - 1 if self._site.is_scoring() else cores)

    def start(self, order: TrainingOrder) -> "LocalTrainee":
        """Take an order; `tend` starts it. A training never survives its run here."""
        folder = self._site.scratch / f"{order.variant}-{order.item[:12]}"
        trainee = LocalTrainee(order, folder, self._references)
        self._waiting.append(trainee)
        return trainee

    def tend(self) -> None:
        """Start the orders that wait, in turn, as far as there are places for them.

        Raises RunFailed if the glass cannot be started.
        """
        self._running = [one for one in self._running if not one.has_ended]
        waiting = [one for one in self._waiting if not one.has_ended]
        self._waiting = deque(waiting)
        places = self.places()
        while self._waiting and len(self._running) < places:
            side_by_side = min(places, len(self._running) + len(self._waiting))
            threads, left = max(1, places // side_by_side), side_by_side - len(self._running)
            rivals = rivals_of(self._waiting[0].order)
            if not self._references.ready(rivals, threads, left):
                return
            trainee = self._waiting.popleft()
            if trainee.begin(self._site, self._nursery, threads):
                self._running.append(trainee)

    def close(self) -> None:
        """End all trainings, and the process that they are forked from."""
        self._open.close()
        for trainee in (*self._running, *self._waiting):
            trainee.stop()

    @functools.cached_property
    def _nursery(self) -> Nursery:
        """The nursery of all trainings; children can read only the training splits."""
        found = self._site.found
        shards = (*found.activations.train_shards, *found.target_shards)
        nursery = Nursery(
            self._site.scratch,
            level=self._site.level,
            readable=dict.fromkeys(path.parent for path in shards),
            cuda=self.device == "cuda",
            kernels=compiled_kernels(self._site.settings.cache),
        )
        return self._open.enter_context(nursery)

    @functools.cached_property
    def _references(self) -> References:
        site, found = self._site, self._site.found
        recipe = recipe_of(
            site.spec, found.activations, self.device, self.arithmetic, found.targets
        )
        references = References(
            recipe, found.activations, self._nursery, found.targets, found.integer_screening
        )
        self._open.callback(references.end)
        return references


class LocalTrainee:
    """One order on this machine: it waits for a place, then it is trained."""

    def __init__(self, order: TrainingOrder, folder: Path, references: References) -> None:
        self.order, self.has_ended = order, False
        self.started: str | None = None
        self.is_taken_over = False
        self._folder, self._references = folder, references
        self._training: Training | None = None
        self._failure: FumehoodError | None = None

    @property
    def out(self) -> Path:
        """The folder that results are copied to; a child cannot access it."""
        return self._folder / "handed-back"

    @property
    def doing(self) -> str:
        """What happens now."""
        if self._training is not None:
            return f"training {self.order.name}"
        return "measuring what baselines take" if self._references.is_busy else ""

    @property
    def spent(self) -> Effort | None:
        """Return None: the processor time of this machine costs nothing."""
        return None

    def begin(self, site: RunSite, nursery: Nursery, threads: int) -> bool:
        """Start the training; return False if there is nothing to compare its work with."""
        try:
            reference = self._references.dearest(rivals_of(self.order), threads)
        except RunFailed as error:
            self._failure = error
            return False
        log("train", self.order.name, f"started with {threads} threads")
        self.started = now()
        place = Place(self._folder, nursery, threads, site.found.integer_screening)
        shards, targets = site.found.activations.train_shards, site.found.target_shards
        self._training = Training(self.order, shards, place, reference, targets)
        return True

    def fraction(self) -> float:
        """Return the fraction of the training that is done, from 0 to 1."""
        return 0.0 if self._training is None else self._training.fraction()

    def finished(self) -> Effort | None:
        """Return what the training took, or None while it waits or runs. Raises why it failed."""
        if self._failure is not None:
            self.has_ended = True
            raise self._failure
        if self._training is None:
            return None
        try:
            outcome = self._training.finished()
        except FumehoodError:
            self.has_ended = True
            raise
        if outcome is None:
            return None
        self.has_ended = True
        training = self._training
        return Effort(outcome.seconds, training.work, training.where, self.order.recipe.arithmetic)

    def stop(self) -> None:
        """End the child, if there is one."""
        self.has_ended = True
        if self._training is not None:
            self._training.child.end()

    def end(self) -> None:
        """End the training if it runs, and remove its folder."""
        self.stop()
        remove_folder(self._folder)
