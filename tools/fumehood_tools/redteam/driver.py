"""The job of the red team: the real job, which runs cheats one by one and waits after each.

usage: python -m fumehood_tools.redteam.driver '{"workspace": …, "cache": …, "job": …, "glass": …,
       "sandbox": …, "seeds": {variant: […], …}, "honest": true | false}'

Prints lines of JSON on stdout: {"ready": …} once the scorer is ready, then {"ended": variant, …}
for each variant, or {"stopped": reason}. Honest variants run in parallel. Cheats run one after
another, and after each line the driver waits for a line on stdin. Orphaned processes of cheats
become children of this process, so that the suite can see them.
"""

import ctypes
import json
import os
import signal
import sys
from collections import deque
from pathlib import Path
from typing import Any

from fumehood_tools.errors import FumehoodError
from fumehood_tools.files import read_json
from fumehood_tools.glass import Nursery
from fumehood_tools.harvest import Activations
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.receipts import SCORE_FILE
from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.recording import Stage
from fumehood_tools.runs.worker import RunJob, RunRequest
from fumehood_tools.settings import Settings

PR_SET_CHILD_SUBREAPER = 36


class Driver(RunJob):
    """A RunJob that reports the outcome of every variant and waits between cheats."""

    def __init__(self, spec: dict[str, Any], say: Any) -> None:
        settings = Settings(
            workspace=spec["workspace"], cache=spec["cache"], glass=spec["glass"], device="cpu"
        )
        context = JobContext("red-team", Path(spec["job"]))
        honest = bool(spec["honest"])
        request = RunRequest(
            sandbox=spec["sandbox"],
            variants=tuple(spec["seeds"]),
            seeds=tuple(sorted({seed for seeds in spec["seeds"].values() for seed in seeds})),
            static_rules=honest,
        )
        super().__init__(context, settings, request)
        self.seeds: dict[str, list[int]] = spec["seeds"]
        self.honest, self.say, self.is_ready = honest, say, False
        self.signals: list[str] = []
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
            signal.signal(number, self._note_signal)

    def _note_signal(self, number: int, frame: object) -> None:
        self.signals.append(signal.Signals(number).name)

    def enqueue(self, items: list[RunItem]) -> None:
        """Queue the items whose seed is among those that the suite requested for their variant."""
        super().enqueue([item for item in items if item.seed in self.seeds[item.variant]])

    def start_trainings(self, activations: Activations, nursery: Nursery) -> None:
        """Start the next trainings: cheats one at a time, and not before the scorer is ready."""
        if self.honest:
            super().start_trainings(activations, nursery)
        elif self.is_ready and not self.training and not self.trained and self.waiting:
            others = self.waiting
            self.waiting = deque([others.popleft()])
            super().start_trainings(activations, nursery)
            self.waiting.extend(others)

    def take_answer(self, answer: dict[str, Any]) -> None:
        """Process an answer from the scorer, and report it."""
        training, _ = self.trained.get(answer.get("name", ""), (None, 0.0))
        super().take_answer(answer)
        if answer.get("ready"):
            self.is_ready = True
            self._tell({"ready": True, "glass": self.level})
        elif "metrics" in answer and training is not None:
            record = read_json(training.item.folder / SCORE_FILE)
            parts = {key: record.get(key) for key in ("metrics", "integrity", "work")}
            seconds = answer["seconds"]
            self._tell({"ended": training.item.variant, "seconds": seconds, **parts})

    def record_failure(self, item: RunItem, stage: Stage, error: dict[str, Any]) -> None:
        """Record a failure, and report it."""
        super().record_failure(item, stage, error)
        told = {key: error.get(key) for key in ("code", "message", "check", "limit")}
        self._tell({"ended": item.variant, "stage": stage, **told})

    def _tell(self, content: dict[str, Any]) -> None:
        signals, self.signals = self.signals, []
        self.say({**content, "signals": signals})
        if not self.honest:
            sys.stdin.readline()


def main() -> None:
    """Run the job described by argv[1]. Exits with 0 even if the job fails; see "stopped"."""
    spec = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def say(content: dict[str, Any]) -> None:
        print(json.dumps(content), file=answers, flush=True)

    # The suite writes our pid into the cheats, so it writes them after starting us: wait for it.
    sys.stdin.readline()
    try:
        Driver(spec, say).run()
    except FumehoodError as error:
        say({"stopped": str(error)})


if __name__ == "__main__":
    main()
