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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fumehood_tools.errors import FumehoodError
from fumehood_tools.glass import choose_level
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.records.scores import Score
from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.job import RunJob, RunParts
from fumehood_tools.runs.local_target import LocalTarget
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.recording import Stage
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.run_queue import broken_rule, no_rules
from fumehood_tools.runs.targets import RunSite, Target, Trainee
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.settings import Settings

PR_SET_CHILD_SUBREAPER = 36
Say = Callable[[dict[str, Any]], None]


class OneAtATime:
    """A target that takes its next order when the one before has been scored."""

    def __init__(
        self, target: Target, is_scoring: Callable[[], bool], spectator: "Spectator"
    ) -> None:
        self.device, self.arithmetic = target.device, target.arithmetic
        self._target, self._is_scoring, self._spectator = target, is_scoring, spectator

    def places(self) -> int:
        """Return 1 if the scorer is ready and idle, else 0."""
        return int(self._spectator.is_ready and not self._is_scoring())

    def start(self, order: TrainingOrder) -> Trainee:
        """Take an order."""
        return self._target.start(order)

    def tend(self) -> None:
        """Do what is due."""
        self._target.tend()

    def close(self) -> None:
        """End the training."""
        self._target.close()


class Spectator:
    """Reports every outcome to the suite; after one of a cheat, it waits for the suite's word."""

    def __init__(self, level: str, honest: bool, say: Say) -> None:
        self.is_ready = False
        self._level, self._honest, self._say = level, honest, say
        self._signals: list[str] = []
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
            signal.signal(number, self._note_signal)

    def ready(self) -> None:
        """Report that the scorer has its data."""
        self.is_ready = True
        self._tell({"ready": True, "glass": self._level})

    def scored(self, item: RunItem, score: Score) -> None:
        """Report a score."""
        record = score.model_dump(mode="json", include={"metrics", "integrity", "work"})
        self._tell({"ended": item.variant, "seconds": score.cost.score_seconds, **record})

    def failed(self, item: RunItem, stage: Stage, error: ErrorReport) -> None:
        """Report a failure."""
        self._tell({"ended": item.variant, "stage": stage, **error.model_dump()})

    def _note_signal(self, number: int, frame: object) -> None:
        self._signals.append(signal.Signals(number).name)

    def _tell(self, content: dict[str, Any]) -> None:
        signals, self._signals = self._signals, []
        self._say({**content, "signals": signals})
        if not self._honest:
            sys.stdin.readline()


def job_of(spec: Mapping[str, Any], say: Say) -> RunJob:
    """Return the job that the suite has described. Raises FumehoodError."""
    settings = Settings(
        workspace=spec["workspace"], cache=spec["cache"], glass=spec["glass"], device="cpu"
    )
    seeds: dict[str, list[int]] = spec["seeds"]
    request = RunRequest(
        sandbox=spec["sandbox"],
        variants=tuple(seeds),
        seeds=tuple(sorted({seed for chosen in seeds.values() for seed in chosen})),
    )
    limits = open_sandbox(settings, request.sandbox).spec.limits
    honest = bool(spec["honest"])
    spectator = Spectator(choose_level(settings.glass, limits.glass), honest, say)

    def one_at_a_time(site: RunSite) -> Target:
        return OneAtATime(LocalTarget(site), site.is_scoring, spectator)

    parts = RunParts(
        open_target=LocalTarget if honest else one_at_a_time,
        # A cheat is watched from its training to its score, before the next one begins.
        one_machine=honest,
        # The suite asks for other seeds of each variant.
        accepts=lambda item: item.seed in seeds[item.variant],
        check=broken_rule if honest else no_rules,
        listener=spectator,
    )
    return RunJob(JobContext("red-team", Path(spec["job"])), settings, request, parts)


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
        job_of(spec, say).run()
    except FumehoodError as error:
        say({"stopped": str(error)})


if __name__ == "__main__":
    main()
