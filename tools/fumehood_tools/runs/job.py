"""One run: harvest once, train what has no score yet, and score each SAE when it is trained.

    queue -> target -> scorer -> recorder

run_queue.py decides what is next, training_stage.py keeps a target busy (targets.py), and
scoring_stage.py has the results scored and recorded (tally.py). This module creates these parts
and lets them take turns; turns.py says which variants have to wait for each other. Results appear
one by one under the sandbox's results/. Each folder is renamed into place when it is complete, so a
killed job loses at most the SAEs that were being trained or scored, or waited for the scorer.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from fumehood_tools.errors import RunFailed
from fumehood_tools.glass import choose_level, scratch_folder
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.runs.harvesting import Harvest, HarvestData, harvest
from fumehood_tools.runs.items import Planner, setting_name
from fumehood_tools.runs.local_target import LocalTarget
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.orders import recipe_of
from fumehood_tools.runs.pace import expected, remember
from fumehood_tools.runs.prints import PRINTS, last_words
from fumehood_tools.runs.progress import TRAIN_SHARE, RunProgress
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.run_queue import Accepts, Check, RunQueue, broken_rule, everything
from fumehood_tools.runs.scorer_line import OpenScorer, Scorer, scorer_here
from fumehood_tools.runs.scoring_stage import ScoringStage
from fumehood_tools.runs.summary import next_call, summary_of
from fumehood_tools.runs.sweep import Sweep
from fumehood_tools.runs.tally import Listener, Nobody, Tally
from fumehood_tools.runs.targets import RunSite, Target
from fumehood_tools.runs.training_stage import TrainingStage
from fumehood_tools.runs.turns import Turns
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings

TICK_SECONDS = 0.2


class RunParts(NamedTuple):
    """What another kind of job puts in place of a part of a run; the defaults are run_variants'.

    open_target: makes the target that trains. harvest: returns the data, see harvesting.
    open_scorer: starts what scores. accepts, check: which items are trained, see RunQueue.
    listener: is told every outcome. one_machine: whether the machine that scores may be one that
    trains, see Turns.
    """

    open_target: Callable[[RunSite], Target] = LocalTarget
    harvest: HarvestData = harvest
    open_scorer: OpenScorer = scorer_here
    accepts: Accepts = everything
    check: Check = broken_rule
    listener: Listener = Nobody()
    one_machine: bool = True


RUN_VARIANTS = RunParts()


class RunJob:
    """One job: a queue of items, a target that trains them, and one scorer."""

    def __init__(
        self,
        context: JobContext,
        settings: Settings,
        request: RunRequest,
        parts: RunParts = RUN_VARIANTS,
    ) -> None:
        self._context, self._settings, self._request = context, settings, request
        self._parts = parts
        self._sandbox = open_sandbox(settings, request.sandbox).trained_with(request.training)
        self._spec = self._sandbox.spec
        self.level = choose_level(settings.glass, self._spec.limits.glass)
        recorder = Recorder(settings, self._sandbox, self.level, request.asked)
        self._tally = Tally(recorder, parts.listener)
        pace = expected(self._spec, settings.cache)
        self._progress = RunProgress(context.report, pace, request.saes)

    def run(self) -> dict[str, Any]:
        """Run the whole job; return its result. Raises RunFailed if no item got a score."""
        log("start", self._request.sandbox, f"prints of libraries are in {PRINTS} beside this log")
        folder, tally = self._context.folder, self._tally
        prints = folder / PRINTS
        with (
            prints.open("ab") as file,
            last_words(prints),
            # The scorer must end before the scratch folders of its children are removed.
            scratch_folder(folder, "scratch-") as scratch,
            # The scorer's imports take seconds, so start it before the harvest.
            self._parts.open_scorer(self._spec, file) as scorer,
        ):
            found = self._harvested(file)
            sweep = self._run_on(found, scratch, scorer)
        remember(self._spec, self._settings.cache, sae=self._progress.seconds_per_sae)
        if not tally.scored and not tally.reused:
            reasons = "\n".join(f"- {name}: {why}" for name, why in tally.failed.items())
            raise RunFailed(
                f"No variant got a score. Fix the causes below, then repeat.\n{reasons}"
            )
        return self._result(found, sweep)

    def _harvested(self, prints: IO[bytes]) -> Harvest:
        """Return the data of the sandbox, computed if they are missing."""
        spec, cache, began = self._spec, self._settings.cache, time.monotonic()
        folder, tell = self._context.folder, self._progress.harvest
        found = self._parts.harvest(spec, self._settings, folder, tell, prints)
        log("harvest", spec.subject.name, f"data are there ({time.monotonic() - began:.1f} s)")
        remember(spec, cache, harvest=time.monotonic() - began)
        return found

    def _run_on(self, found: Harvest, scratch: Path, scorer: Scorer) -> Sweep:
        """Train and score the items that have no score yet; return the sweep they are from."""
        spec, settings, tally = self._spec, self._settings, self._tally
        scoring = ScoringStage(scorer, self._sandbox, found, tally)
        site = RunSite(spec, settings, found, self.level, scratch, scoring.is_busy)
        with contextlib.closing(self._parts.open_target(site)) as target:
            digest = f"{found.digest}+{target.arithmetic}+{target.device}"
            sweep = Sweep(Planner(self._sandbox, digest), self._request)
            queue = RunQueue(sweep, tally, spec.limits, self._parts.accepts, self._parts.check)
            self._progress.start_training(queue.total, queue.is_searching)
            if queue:
                scorer.prepare(found.scoring_setup(spec, settings, scratch, self.level))
                recipe = recipe_of(
                    spec, found.activations, target.device, target.arithmetic, found.targets
                )
                self._work_off(queue, TrainingStage(target, recipe, queue, tally), scoring)
        return sweep

    def _work_off(self, queue: RunQueue, training: TrainingStage, scoring: ScoringStage) -> None:
        """Let the parts take turns until nothing is left. The scorer prepares its data during the
        first trainings."""
        turns = Turns(queue, training, scoring, one_machine=self._parts.one_machine)
        while queue or training.underway or turns.waiting or scoring.is_busy():
            turns.score(training.advance(turns.may_train))
            for item, l0 in scoring.take(TICK_SECONDS):
                queue.go_on(item, l0)
            self._report(queue, training, [*scoring.sent, *turns.waiting])

    def _report(self, queue: RunQueue, training: TrainingStage, sent: Sequence[str]) -> None:
        """Report the progress of the run to the job table. sent: what is scored or waits for it."""
        underway, failed = training.underway, self._tally.failed
        begun = TRAIN_SHARE * (len(sent) + sum(trainee.fraction() for trainee in underway))
        doing = [f"{len(failed)} of them failed"] * bool(failed)
        doing += dict.fromkeys(trainee.doing for trainee in underway if trainee.doing)
        doing += [f"scoring {name}" for name in sent[:1]]
        if len(sent) > 1:
            doing.append(f"{len(sent) - 1} more to score")
        total, ended = queue.total, self._tally.ended
        self._progress.saes(ended, total, begun, doing, queue.is_searching)

    def _result(self, found: Harvest, sweep: Sweep) -> dict[str, Any]:
        """Return the job's result."""
        request, tally = self._request, self._tally
        aimed, levels = sweep.aimed(), sweep.aimed(around=True)
        setting = setting_name(self._spec, found.digest, found.activations.eval_tokens)
        return {
            "sandbox": request.sandbox,
            "summary": summary_of(tally.scored, tally.reused, tally.failed, aimed, levels),
            "scored": tally.scored,
            "reused": tally.reused,
            "failed": tally.failed,
            "aimed": aimed,
            "baseline_levels": levels,
            "training": request.training,
            "setting": setting,
            "next": request.then
            or next_call(request.sandbox, setting, request.training, tally.failed),
        }
