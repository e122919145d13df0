"""Whose code runs beside whose: a variant is never trained while a variant is scored.

A child that encodes sees the evaluation split. A training that runs at the same time on the same
machine could be told about it, by load, by caches, or by numbers that the kernel gives out. Filters
close such wires one by one; taking turns closes all of them. While the SAE of a variant is scored,
only packaged files are trained, and while a variant is trained, only packaged files are scored:
they are our own code, which listens to nobody.

With a baseline in the run this costs little, as its seeds are trained while the variant's are
scored, and the other way around. A run of variants alone trains some of them, then scores these:
up to MOST_WAITING where trainings are short, and else as many as run at the same time.
"""

from collections import deque

from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.run_queue import RunQueue
from fumehood_tools.runs.scoring_stage import ScoringStage
from fumehood_tools.runs.training_stage import Trained, TrainingStage

MOST_WAITING = 16
"""SAEs of variants that are in training or wait for the scorer: what a killed run may lose."""
SHORT_SECONDS = 60.0
"""Trainings that take no longer go on while a free scorer waits, as no core waits then."""


class Turns:
    """Decides what begins: the training of an item, and the scoring of an SAE."""

    def __init__(
        self,
        queue: RunQueue,
        training: TrainingStage,
        scoring: ScoringStage,
        *,
        one_machine: bool,
    ) -> None:
        """one_machine: whether trainings and scorings may meet on a machine; else all may begin."""
        self._queue, self._training, self._scoring = queue, training, scoring
        self._one_machine = one_machine
        self._waiting: deque[Trained] = deque()
        self._longest = 0.0

    @property
    def waiting(self) -> list[str]:
        """The names of the items that are trained and wait until their scoring may begin."""
        return [trained.item.name for trained in self._waiting]

    def may_train(self, item: RunItem) -> bool:
        """Whether the training of an item may begin now."""
        if not self._takes_turns(item):
            return True
        if any(map(self._takes_turns, self._scoring.items)):
            return False
        # While the scorer is occupied with other things, more variants can be trained meanwhile.
        is_free = self._scoring.is_ready and not self._scoring.is_busy()
        return self._has_room() and (self._is_short() or not (self._waiting and is_free))

    def score(self, trained: list[Trained]) -> None:
        """Send to the scorer what has been trained, or let it wait until that may begin."""
        for one in trained:
            if self._takes_turns(one.item):
                self._waiting.append(one)
                self._longest = max(self._longest, one.effort.seconds)
            else:
                self._scoring.send(one)
        if not self._waiting or not self._scoring.is_ready or self._variants_in_training():
            return
        if self._is_short() and self._has_room() and self._queue.holds(self._takes_turns):
            return
        while self._waiting:
            self._scoring.send(self._waiting.popleft())

    def _is_short(self) -> bool:
        return self._longest <= SHORT_SECONDS

    def _has_room(self) -> bool:
        return len(self._waiting) + self._variants_in_training() < MOST_WAITING

    def _variants_in_training(self) -> int:
        return sum(map(self._takes_turns, self._training.items))

    def _takes_turns(self, item: RunItem) -> bool:
        """Whether an item is a variant on a machine that also scores; ours wait for nobody."""
        return self._one_machine and not item.is_packaged
