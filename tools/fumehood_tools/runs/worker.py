"""The job of run_variants: harvest once, train side by side, score as trainings end.

usage (inside a job): python -m fumehood_tools.runs.worker '{"sandbox": …, "variants": […], …}'

Results appear one by one under the sandbox's results/, each folder renamed into place when it is
whole. A killed job loses at most the SAEs that were being trained or scored.
"""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from fumehood_tools.bench.records import FAILURE_FILE, SCORE_FILE, Failure, Metrics, Score
from fumehood_tools.errors import FumehoodError, RunFailed, StorageFailed
from fumehood_tools.files import sha256_of, write_bytes, write_json
from fumehood_tools.glass import level_available
from fumehood_tools.harvest import Activations, Probing
from fumehood_tools.jobs import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.runs.helpers import LineChild
from fumehood_tools.runs.plan import RunItem, now, plan_items, provenance
from fumehood_tools.runs.training import CONFIG, LOG, WEIGHTS, Place, Training
from fumehood_tools.sandbox.check import check_static
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.scoring.requests import ScoringRequest, ScoringSetup
from fumehood_tools.settings import Settings, load_settings

TICK_SECONDS = 0.2
# The scorer's threads share cores with trainings: they must not spin while they wait.
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
# Training is most of the work of one SAE, scoring the rest: for the progress bar only.
TRAIN_SHARE = 0.6


class RunRequest(BaseModel, frozen=True):
    """What run_variants asks for."""

    sandbox: str
    variants: tuple[str, ...]
    seeds: tuple[int, ...]


class RunJob:
    """One job: a queue of items, as many trainings at a time as there are places, one scorer."""

    def __init__(self, context: JobContext, settings: Settings, request: RunRequest) -> None:
        self.context, self.settings, self.request = context, settings, request
        self.sandbox: Sandbox = open_sandbox(settings, request.sandbox)
        self.scored: list[str] = []
        self.reused: list[str] = []
        self.failed: dict[str, str] = {}
        self.waiting: deque[RunItem] = deque()
        self.training: list[Training] = []
        self.trained: dict[str, tuple[Training, float]] = {}
        self.total = 0
        self.device = "cpu"

    def run(self) -> dict[str, Any]:
        """Do all of it; return the job's result. Raises RunFailed when no item has a score."""
        activations, probing = self.harvest()
        self.data_digest = "+".join(part.digest for part in (activations, probing) if part)
        items = plan_items(
            self.sandbox, self.request.variants, self.request.seeds, self.data_digest
        )
        self.total = len(items)
        self.reused = [item.name for item in items if item.is_done]
        self.waiting.extend(item for item in items if not item.is_done and self.passes_check(item))
        if self.waiting:
            with tempfile.TemporaryDirectory(dir=self.context.folder, prefix="scratch-") as scratch:
                self.train_and_score(activations, probing, Path(scratch))
        if not self.scored and not self.reused:
            reasons = "\n".join(f"- {name}: {why}" for name, why in self.failed.items())
            raise RunFailed(f"No variant got a score.\n{reasons}")
        return {
            "sandbox": self.request.sandbox,
            "scored": self.scored,
            "reused": self.reused,
            "failed": self.failed,
            "next": f"read_benchmarks(sandbox={self.request.sandbox!r})",
        }

    def harvest(self) -> tuple[Activations, Probing | None]:
        """Return the activations, made now if they are not in the cache."""
        spec = self.sandbox.spec
        content = {
            "subject": spec.subject.model_dump(),
            "corpus": spec.corpus.model_dump(),
            "scoring": spec.scoring.model_dump(),
            "cache": str(self.settings.cache),
            "dtype": self.settings.dtype,
            "device": self.settings.device,
            "parts": ["activations", *(["probing"] if spec.scoring.probing_tasks else [])],
        }
        path = self.context.folder / "harvest.json"
        write_json(path, content)
        with LineChild("fumehood_tools.harvest", str(path)) as child:
            while True:
                for line in child.receive(1.0):
                    if "progress" in line:
                        self.context.report(Progress.model_validate(line["progress"]))
                    elif "error" in line:
                        raise _as_error(line["error"])
                    else:
                        self.device = line["device"]
                        probing = line.get("probing")
                        return (
                            Activations.model_validate(line["activations"]),
                            Probing.model_validate(probing) if probing else None,
                        )

    def passes_check(self, item: RunItem) -> bool:
        """Return whether the static check lets the item run; a refusal is recorded."""
        errors = [f for f in check_static(item.source, item.variant) if f.severity == "error"]
        if errors:
            first = errors[0]
            message = (
                f"{item.variant}.py:{first.line or 1}: {first.message} Instead: {first.instead}"
            )
            self.record_failure(item, "check", "variant_rejected", message)
        return not errors

    def train_and_score(
        self, activations: Activations, probing: Probing | None, scratch: Path
    ) -> None:
        """Work the queue off. The scorer's imports run beside the first trainings."""
        setup = ScoringSetup(
            spec=self.sandbox.spec,
            activations=activations,
            probing=probing,
            cache=self.settings.cache,
        )
        with (
            contextlib.ExitStack() as children,
            LineChild("fumehood_tools.scoring", environ=PATIENT) as scorer,
        ):
            children.callback(self.end_trainings)
            scorer.send(setup.model_dump_json())
            while self.waiting or self.training or self.trained:
                self.start_trainings(activations, scratch)
                self.collect_trainings(scorer)
                for answer in scorer.receive(TICK_SECONDS):
                    self.take_answer(answer)
                self.report()

    def end_trainings(self) -> None:
        """End the trainings that still run."""
        for training in self.training:
            training.child.end()

    def start_trainings(self, activations: Activations, scratch: Path) -> None:
        """Fill the free places: one single-threaded child per core uses the cores best.

        While something is being scored, one core is the scorer's.
        """
        cores = os.cpu_count() or 1
        places = max(1, cores - 1 if self.trained else cores) if self.device == "cpu" else 1
        while self.waiting and len(self.training) < places:
            side_by_side = min(places, len(self.training) + len(self.waiting))
            threads = max(1, places // side_by_side)
            item = self.waiting.popleft()
            folder = scratch / f"{item.variant}-{item.seed}"
            print(f"training {item.name} ({threads} threads)", flush=True)
            place = Place(folder, threads, self.device)
            self.training.append(Training(item, self.sandbox.spec, activations, place))

    def collect_trainings(self, scorer: LineChild) -> None:
        """Send every training that has ended to the scorer."""
        for training in list(self.training):
            try:
                outcome = training.finished()
            except FumehoodError as error:
                self.training.remove(training)
                self.record_failure(training.item, "train", error.code, str(error))
                continue
            if outcome is None:
                continue
            self.training.remove(training)
            name = training.item.name
            print(f"trained {name} in {outcome.seconds:.1f} s", flush=True)
            self.trained[name] = (training, outcome.seconds)
            request = ScoringRequest(
                name=name,
                variant=training.variant,
                weights=training.out / WEIGHTS,
                scratch=training.scratch,
                out=training.out,
            )
            scorer.send(request.model_dump_json())

    def take_answer(self, answer: dict[str, Any]) -> None:
        """Record one answer of the scorer."""
        if answer.get("ready"):
            print("scorer ready", flush=True)
            return
        if "name" not in answer:
            raise _as_error(answer["error"])
        training, train_seconds = self.trained.pop(answer["name"])
        if "error" in answer:
            error = answer["error"]
            self.record_failure(training.item, "score", error["code"], error["message"])
            return
        metrics = Metrics.model_validate(answer["metrics"])
        self.record_score(training, metrics, train_seconds, answer["seconds"])

    def record_score(
        self, training: Training, metrics: Metrics, train_seconds: float, score_seconds: float
    ) -> None:
        """Put the run's folder into results/, whole or not at all."""
        item, spec = training.item, self.sandbox.spec
        score = Score(
            variant=item.variant,
            seed=item.seed,
            subject=spec.subject.name,
            layer=spec.subject.layer,
            site=spec.subject.site,
            dict_size=spec.dict_size,
            train_tokens=training.steps * spec.training.batch_size,
            eval_tokens=spec.corpus.eval_tokens,
            metrics=metrics,
            provenance=provenance(item, spec, sha256_of(training.out / WEIGHTS), self.data_digest),
            glass=level_available(),
            train_seconds=round(train_seconds, 2),
            score_seconds=score_seconds,
            finished=now(),
        )
        kept = [WEIGHTS, CONFIG, LOG, "core.json", "sparse_probing.json"]
        with _new_folder(item.folder) as folder:
            write_bytes(folder / f"{item.variant}.py", item.source)
            for name in kept:
                if (training.out / name).is_file():
                    shutil.copyfile(training.out / name, folder / name)
            write_json(folder / SCORE_FILE, score.model_dump(mode="json"))
        shutil.rmtree(training.scratch, ignore_errors=True)
        self.scored.append(item.name)
        print(
            f"scored {item.name} in {score_seconds:.1f} s: L0 {metrics.l0:.1f}, "
            f"explained variance {metrics.explained_variance:.4f}",
            flush=True,
        )

    def record_failure(
        self, item: RunItem, stage: Literal["check", "train", "score"], code: str, message: str
    ) -> None:
        """Keep what went wrong beside the results."""
        failure = Failure(
            variant=item.variant,
            seed=item.seed,
            stage=stage,
            code=code,
            message=message,
            variant_sha256=item.sha256,
            finished=now(),
        )
        with _new_folder(item.folder) as folder:
            write_bytes(folder / f"{item.variant}.py", item.source)
            write_json(folder / FAILURE_FILE, failure.model_dump(mode="json"))
        self.failed[item.name] = message
        print(f"failed {item.name} ({stage}): {message}", flush=True)

    def report(self) -> None:
        """Tell the job table how far the run is."""
        ended = len(self.scored) + len(self.reused) + len(self.failed)
        done = ended + TRAIN_SHARE * (
            len(self.trained) + sum(training.fraction() for training in self.training)
        )
        doing = [f"training {t.item.name}" for t in self.training]
        doing += [f"scoring {name}" for name in list(self.trained)[:1]]
        if len(self.trained) > 1:
            doing.append(f"{len(self.trained) - 1} more to score")
        self.context.report(
            Progress(
                done=round(done, 3),
                total=float(self.total),
                phase="train and score",
                message=f"{ended} of {self.total} SAEs done; " + (", ".join(doing) or "finishing"),
            )
        )


@contextlib.contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """Give a temporary sibling of target that replaces it when the block ends well."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".new-"))
        try:
            yield temporary
            os.chmod(temporary, 0o755)
            shutil.rmtree(target, ignore_errors=True)
            os.rename(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Writing the results of {target.name}") from error


def _as_error(content: dict[str, str]) -> FumehoodError:
    error = RunFailed(content["message"])
    error.code = content["code"]
    return error


def main() -> None:
    """Run the job described by argv[1]."""
    # A cancelled job ends its children on the way out: SIGTERM unwinds like any other exit.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    context = JobContext.from_environment()
    with context.guard():
        request = RunRequest.model_validate_json(sys.argv[1])
        context.finish(RunJob(context, load_settings(), request).run())


if __name__ == "__main__":
    main()
