"""The trainings of a run: orders go out to the target, trained SAEs and failures come back."""

from collections import Counter
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.orders import Recipe, TrainingOrder, order_for
from fumehood_tools.runs.run_queue import Accepts, RunQueue, everything
from fumehood_tools.runs.tally import Tally
from fumehood_tools.runs.targets import Effort, PlaceLost, Target, Trainee
from fumehood_tools.runs.work import work_of
from fumehood_tools.scoring.requests import ErrorReport

MOST_LOSSES = 3
"""How often the place of one item may be lost before the item fails."""


class Underway(NamedTuple):
    """An item that a target is training."""

    item: RunItem
    order: TrainingOrder
    trainee: Trainee


class Trained(NamedTuple):
    """An item whose weights are in trainee.out."""

    item: RunItem
    trainee: Trainee
    effort: Effort


class TrainingStage:
    """Keeps the places of a target filled from the queue."""

    def __init__(self, target: Target, recipe: Recipe, queue: RunQueue, tally: Tally) -> None:
        self._target, self._recipe = target, recipe
        self._queue, self._tally = queue, tally
        self._losses: Counter[str] = Counter()
        self._underway: list[Underway] = []
        self._given: list[Underway] = []

    @property
    def underway(self) -> list[Trainee]:
        """The trainees that have not ended."""
        return [one.trainee for one in self._underway]

    @property
    def items(self) -> list[RunItem]:
        """The items whose trainings have not ended, those included that wait for a place."""
        return [one.item for one in self._underway]

    def advance(self, may_begin: Accepts = everything) -> list[Trained]:
        """Start what there are places for; return what has been trained since the last call.

        may_begin: items for which it is false wait.
        """
        while len(self._underway) < self._target.places():
            if (item := self._queue.take(may_begin)) is None:
                break
            order = order_for(item, self._recipe)
            self._given.append(Underway(item, order, self._target.start(order)))
            self._underway.append(self._given[-1])
        self._target.tend()
        self._note_begun()
        looked_at, self._underway = self._underway, []
        return [trained for one in looked_at if (trained := self._look(one)) is not None]

    def _note_begun(self) -> None:
        """Have it written down which trainings have begun: one that is stopped leaves no record."""
        begun = [one for one in self._given if one.trainee.started is not None]
        self._given = [one for one in self._given if one.trainee.started is None]
        for one in begun:
            if not one.trainee.is_taken_over:
                self._tally.begun(one.item)

    def _look(self, one: Underway) -> Trained | None:
        """Return an item that is trained now. Keep it if it is not; otherwise record why."""
        try:
            effort = one.trainee.finished()
        except PlaceLost as loss:
            self._lost(one, loss)
            return None
        except FumehoodError as error:
            self._failed(one, error)
            return None
        if effort is None:
            self._underway.append(one)
            return None
        self._tally.start(one.item, one.trainee.started)
        # Also without a limit on work, its record says what it took and what its file brings.
        work = effort.work or work_of(one.order, effort.seconds, None)
        times = "" if work.ratio is None else f", {work.ratio:.1f} x the work"
        log("train", one.item.name, f"ended after {effort.seconds:.1f} s{times}")
        return Trained(one.item, one.trainee, effort._replace(work=work))

    def _lost(self, one: Underway, loss: PlaceLost) -> None:
        item = one.item
        self._losses[item.digest] += 1
        times = self._losses[item.digest]
        if times >= MOST_LOSSES:
            text = (
                f"{item.name}: the machine that trained it was lost {times} times, the last time "
                f"{loss.place} ({loss.why}). The variant is not to blame. Start the same run "
                "again, or train somewhere else; finished SAEs are kept."
            )
            error = RunFailed(text)
            error.code = loss.code
            self._failed(one, error)
            return
        log("train", item.name, f"queued again, because {loss.place} was lost: {loss.why}")
        one.trainee.end()
        self._queue.put_back(item)

    def _failed(self, one: Underway, error: FumehoodError) -> None:
        self._tally.start(one.item, one.trainee.started)
        self._tally.failure(one.item, "train", ErrorReport.of(error), one.trainee.spent)
        one.trainee.end()
        self._queue.go_on(one.item, None)
