"""The job of run_variants: harvest once, train in parallel, and score each SAE when it is trained.

usage (inside a job): python -m fumehood_tools.runs.worker '{"sandbox": …, "variants": […], …}'

Results appear one by one under the sandbox's results/. Each folder is renamed into place when it is
complete, so a killed job loses at most the SAEs that were being trained or scored.
"""

import contextlib
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, Field

from fumehood_tools.children import HUB_KEYS, ChildEnded, LineChild
from fumehood_tools.errors import FumehoodError, IntegrityFailed, RunFailed
from fumehood_tools.files import last_lines
from fumehood_tools.glass import (
    Nursery,
    choose_level,
    compiled_kernels,
    remove_folder,
    scratch_folder,
)
from fumehood_tools.harvest import Activations
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.receipts import WEIGHTS_FILE
from fumehood_tools.records.parameters import Value
from fumehood_tools.records.scores import Asked
from fumehood_tools.registry.sae_metrics import QUALITY, SPARSITY
from fumehood_tools.runs.controls import ControlItem
from fumehood_tools.runs.harvesting import Harvest, as_error, harvest, scoring_patience
from fumehood_tools.runs.items import Planner, RunItem, setting_name
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.pace import expected, remember
from fumehood_tools.runs.progress import TRAIN_SHARE, RunProgress
from fumehood_tools.runs.recording import Effort, Recorder, Stage
from fumehood_tools.runs.references import References, rivals_of
from fumehood_tools.runs.summary import next_call, summary_of
from fumehood_tools.runs.sweep import Sweep, Wanted
from fumehood_tools.runs.training import Place, Training
from fumehood_tools.runs.work import decoder_limit, with_decoder
from fumehood_tools.sandbox.check import check_static
from fumehood_tools.sandbox.constants import judge_source
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.scoring.inertness import find_parent
from fumehood_tools.scoring.requests import ScoringRequest
from fumehood_tools.settings import Settings, load_settings

TICK_SECONDS = 0.2
PRINTS = "libraries.log"
"""File beside the log with everything that sae-bench and other libraries print."""


class RunRequest(BaseModel, frozen=True):
    """The request that run_variants passes to the job."""

    sandbox: str
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    grid: dict[str, tuple[Value, ...]] = {}
    l0_targets: tuple[float, ...] = ()
    controls: tuple[ControlItem, ...] = ()
    baseline: str | None = None
    around: tuple[float, ...] = ()
    saes: int = 0
    training: dict[str, float] = {}
    static_rules: bool = True
    asked: Asked | None = None
    then: str | None = Field(None, description="what follows, if not a table of the scores")

    @property
    def wanted(self) -> Wanted:
        """What the run consists of."""
        return Wanted(
            self.variants,
            self.seeds,
            self.grid,
            self.l0_targets,
            self.controls,
            self.baseline,
            self.around,
        )


class RunJob:
    """One job: a queue of items, several trainings in parallel, and one scorer."""

    def __init__(self, context: JobContext, settings: Settings, request: RunRequest) -> None:
        self.context, self.settings, self.request = context, settings, request
        sandbox = open_sandbox(settings, request.sandbox)
        self.sandbox: Sandbox = sandbox.trained_with(request.training)
        self.scored: list[str] = []
        self.reused: list[str] = []
        self.failed: dict[str, str] = {}
        self.waiting: deque[RunItem] = deque()
        self.training: list[Training] = []
        self.trained: dict[str, tuple[Training, Effort]] = {}
        self.compared: set[str] = set()
        self.device = "cpu"
        self.level = choose_level(settings.glass, self.sandbox.spec.limits.glass)
        pace = expected(self.sandbox.spec, settings.cache)
        self.progress = RunProgress(context.report, pace, request.saes)

    def run(self) -> dict[str, Any]:
        """Run the whole job; return its result. Raises RunFailed if no item got a score."""
        self.records = Recorder(self.settings, self.sandbox, self.level, self.request.asked)
        log("start", self.request.sandbox, f"prints of libraries are in {PRINTS} beside this log")
        prints = self.context.folder / PRINTS
        # The scorer's imports take seconds, so start it before the harvest.
        with (
            prints.open("ab") as file,
            last_words(prints),
            LineChild("fumehood_tools.scoring", keys=HUB_KEYS, stderr=file) as scorer,
        ):
            self.harvest_and_run(scorer, file)
        remember(self.sandbox.spec, self.settings.cache, sae=self.progress.seconds_per_sae)
        if not self.scored and not self.reused:
            reasons = "\n".join(f"- {name}: {why}" for name, why in self.failed.items())
            raise RunFailed(
                f"No variant got a score. Fix the causes below, then repeat.\n{reasons}"
            )
        aimed, levels = self.sweep.aimed(), self.sweep.aimed(around=True)
        return {
            "sandbox": self.request.sandbox,
            "summary": summary_of(self.scored, self.reused, self.failed, aimed, levels),
            "scored": self.scored,
            "reused": self.reused,
            "failed": self.failed,
            "aimed": aimed,
            "baseline_levels": levels,
            "training": self.request.training,
            "setting": self.setting,
            "next": self.request.then
            or next_call(self.request.sandbox, self.setting, self.request.training, self.failed),
        }

    def harvest_and_run(self, scorer: LineChild, prints: IO[bytes]) -> None:
        """Harvest the data, then train and score the items that have no score yet."""
        spec, cache = self.sandbox.spec, self.settings.cache
        began, folder = time.monotonic(), self.context.folder
        found = harvest(spec, self.settings, folder, self.progress.harvest, prints)
        log("harvest", spec.subject.name, f"data are there ({time.monotonic() - began:.1f} s)")
        remember(spec, cache, harvest=time.monotonic() - began)
        self.device = found.device
        self.setting = setting_name(spec, found.digest, found.activations.eval_tokens)
        digest = f"{found.digest}+{found.arithmetic}+{found.device}"
        self.sweep = Sweep(Planner(self.sandbox, digest), self.request.wanted)
        self.enqueue(self.sweep.first())
        self.progress.start_training(self.sweep.total - len(self.reused), self.sweep.is_searching)
        if self.waiting:
            with scratch_folder(self.context.folder, "scratch-") as scratch:
                self.train_and_score(found, scratch, scorer)

    def enqueue(self, items: list[RunItem]) -> None:
        """Queue items that have to be run.

        Items that have a score already or fail the static check are reported to the sweep at once,
        and the items that follow from them are queued too.
        """
        todo = deque(items)
        while todo:
            item = todo.popleft()
            l0 = self.records.done(item)
            if l0 is not None:
                self.reused.append(item.name)
                todo.extend(self.sweep.after(item, l0))
            elif self.passes_check(item):
                self.waiting.append(item)
            else:
                todo.extend(self.sweep.after(item, None))

    def passes_check(self, item: RunItem) -> bool:
        """Return True if the item passes the static rules; otherwise record a failure."""
        if not self.request.static_rules or item.control is not None:
            return True
        errors = [f for f in check_static(item.source, item.variant) if f.severity == "error"]
        if errors:
            first = errors[0]
            line = "" if first.line is None else f":{first.line}"
            message = f"{item.variant}.py{line}: {first.message} Instead: {first.instead}"
            self.record_failure(item, "check", {"code": "variant_rejected", "message": message})
        return not errors

    def train_and_score(self, found: Harvest, scratch: Path, scorer: LineChild) -> None:
        """Process the queue. The scorer prepares its data during the first trainings."""
        self.found, activations = found, found.activations
        setup = found.scoring_setup(self.sandbox.spec, self.settings, scratch, self.level)
        with (
            contextlib.ExitStack() as children,
            # The scorer must end before the scratch folders of its children are removed.
            scorer,
            self.nursery(activations, scratch) as nursery,
        ):
            children.callback(self.end_trainings)
            self.references = References(
                self.sandbox.spec, activations, nursery, self.device, self.found.arithmetic
            )
            children.callback(self.references.end)
            scorer.send(setup.model_dump_json())
            while self.waiting or self.training or self.trained:
                self.start_trainings(activations, nursery)
                self.collect_trainings(scorer)
                patience = scoring_patience(self.sandbox.spec) if self.trained else None
                for answer in scorer.receive(TICK_SECONDS, patience=patience):
                    self.take_answer(answer)
                self.report()

    def nursery(self, activations: Activations, scratch: Path) -> Nursery:
        """Return the nursery for all trainings; children can read only the training split."""
        return Nursery(
            scratch,
            level=self.level,
            readable=dict.fromkeys(path.parent for path in activations.train_shards),
            cuda=self.device == "cuda",
            kernels=compiled_kernels(self.settings.cache),
        )

    def end_trainings(self) -> None:
        """End the trainings that are still running."""
        for training in self.training:
            training.child.end()

    def start_trainings(self, activations: Activations, nursery: Nursery) -> None:
        """Start trainings until all cores are used, with few threads each and many in parallel.

        One core is left to the scorer while it has work. Before the first training, and whenever
        the number of threads changes, items wait until their reference has been measured.
        """
        cores = self.found.threads
        places = max(1, cores - 1 if self.trained else cores) if self.device == "cpu" else 1
        while self.waiting and len(self.training) < places:
            side_by_side = min(places, len(self.training) + len(self.waiting))
            threads = max(1, places // side_by_side)
            if not self.passes_budget(self.waiting[0]):
                self.enqueue(self.sweep.after(self.waiting.popleft(), None))
                continue
            rivals = rivals_of(self.waiting[0])
            if not self.references.ready(rivals, threads, side_by_side - len(self.training)):
                return
            item = self.waiting.popleft()
            try:
                reference = self.references.dearest(rivals, threads)
            except RunFailed as error:
                self.record_failure(item, "train", described(error))
                self.enqueue(self.sweep.after(item, None))
                continue
            folder = nursery.scratch_root / f"{item.variant}-{item.digest[:12]}"
            log("train", item.name, f"started with {threads} threads")
            self.records.start(item)
            place = Place(folder, nursery, threads, self.device, self.found.arithmetic)
            training = Training(item, self.sandbox.spec, activations, place, reference)
            self.training.append(training)

    def passes_budget(self, item: RunItem) -> bool:
        """Return True if the file's data are within their budget; otherwise record a failure."""
        try:
            judge_source(item.source, self.sandbox.spec.limits)
        except IntegrityFailed as error:
            self.record_failure(item, "check", described(error))
            return False
        return True

    def collect_trainings(self, scorer: LineChild) -> None:
        """Send every training that has ended to the scorer; record those that failed."""
        for training in list(self.training):
            try:
                outcome = training.finished()
            except FumehoodError as error:
                self.training.remove(training)
                self.record_failure(training.item, "train", described(error))
                self.enqueue(self.sweep.after(training.item, None))
                continue
            if outcome is None:
                continue
            self.training.remove(training)
            name = training.item.name
            times = f", {training.work.ratio:.1f} x the work" if training.work else ""
            log("train", name, f"ended after {outcome.seconds:.1f} s{times}")
            effort = Effort(outcome.seconds, training.work, training.where, self.found.arithmetic)
            self.trained[name] = (training, effort)
            request = ScoringRequest(
                name=name,
                variant=training.variant,
                weights=training.out / WEIGHTS_FILE,
                out=training.out,
                seed=training.item.seed,
                decoder_seconds=decoder_limit(training.work, self.sandbox.spec.limits),
                compare=(compared := self.is_compared(training)),
                parent=self.parent_of(training) if compared else None,
            )
            scorer.send(request.model_dump_json())

    def is_compared(self, training: Training) -> bool:
        """Return True if the scorer should check this file for inertness: once, not for each seed.

        Copies with other parameters are not compared, because their parent would need the same
        parameters. Packaged files without a parent are not compared either.
        """
        item = training.item
        if item.sha256 in self.compared or item.parameters:
            return False
        self.compared.add(item.sha256)
        packaged = packaged_variants().get(item.variant) == item.sha256
        return not packaged or self.parent_of(training) is not None

    def parent_of(self, training: Training) -> Path | None:
        """Return the file of a variant's parent, or None if it has no parent."""
        parent = find_parent(training.variant, self.sandbox.variants)
        return parent.path if parent else None

    def take_answer(self, answer: dict[str, Any]) -> None:
        """Record one answer from the scorer."""
        if answer.get("ready"):
            log("score", self.request.sandbox, "the scorer has its data")
            return
        if "name" not in answer:
            raise as_error(answer["error"])
        training, effort = self.trained.pop(answer["name"])
        if "error" in answer:
            self.compared.discard(training.item.sha256)
            self.record_failure(training.item, "score", answer["error"])
            self.enqueue(self.sweep.after(training.item, None))
            return
        item, limits = training.item, self.sandbox.spec.limits
        try:
            work = with_decoder(effort.work, answer["decode_seconds"], limits)
        except IntegrityFailed as error:
            self.record_failure(item, "score", described(error))
            self.enqueue(self.sweep.after(item, None))
            return
        effort = effort._replace(work=work)
        data = self.found.data(self.sandbox.spec.steps * self.sandbox.spec.training.batch_size)
        score = self.records.score(item, training.out, data, answer, effort)
        remove_folder(training.scratch)
        self.scored.append(item.name)
        l0 = score.metrics[SPARSITY]
        quality = score.metrics[QUALITY]
        took = score.cost.score_seconds
        log("score", item.name, f"L0 {l0:.1f}, explained variance {quality:.4f} ({took:.1f} s)")
        self.enqueue(self.sweep.after(item, l0))

    def record_failure(self, item: RunItem, stage: Stage, error: dict[str, Any]) -> None:
        """Store a failure in the results and in the job's result."""
        message = self.records.failure(item, stage, error)
        self.failed[item.name] = message
        log(stage, item.name, f"failed: {message}")

    def report(self) -> None:
        """Report the progress of the run to the job table."""
        ended = len(self.scored) + len(self.failed)
        begun = TRAIN_SHARE * (
            len(self.trained) + sum(training.fraction() for training in self.training)
        )
        doing = [f"{len(self.failed)} of them failed"] * bool(self.failed)
        doing += [f"training {t.item.name}" for t in self.training]
        doing += [f"scoring {name}" for name in list(self.trained)[:1]]
        if self.waiting and self.references.is_busy:
            doing.append("measuring what baselines take")
        if len(self.trained) > 1:
            doing.append(f"{len(self.trained) - 1} more to score")
        total = self.sweep.total - len(self.reused)
        self.progress.saes(ended, total, begun, doing, self.sweep.is_searching)


@contextlib.contextmanager
def last_words(prints: Path) -> Iterator[None]:
    """If a child of the job ends early, copy the end of what it printed to the log."""
    try:
        yield
    except ChildEnded:
        print(last_lines(prints.read_text(encoding="utf-8", errors="replace"), 30), flush=True)
        raise


def described(error: FumehoodError) -> dict[str, Any]:
    """Return an error as the JSON that a failure record stores."""
    parts = {"check": error.check, "limit": error.limit}
    return {"code": error.code, "message": str(error), **parts}


def main() -> None:
    """Run the job described by argv[1]."""
    # Turn SIGTERM into SystemExit, so that a canceled job unwinds and ends its children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    context = JobContext.from_environment()
    with context.guard():
        request = RunRequest.model_validate_json(sys.argv[1])
        context.finish(RunJob(context, load_settings(), request).run())


if __name__ == "__main__":
    main()
