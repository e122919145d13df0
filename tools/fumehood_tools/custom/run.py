"""Run variants of a custom sandbox: produce, evaluate, and record each as a signed receipt.

A run that gets no score is recorded, too, as in every sandbox. The log of the job has a line about
what became of each.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.custom.children import CustomChildren, Measured
from fumehood_tools.custom.inputs import inputs_of
from fumehood_tools.custom.scored import KIND
from fumehood_tools.custom.sealed import check_sealed, custom_of
from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.files import digest_of, sha256_of
from fumehood_tools.glass import choose_level, scratch_folder
from fumehood_tools.jobs import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.plain_files import read_plain
from fumehood_tools.receipts import Draft, RecordWriter, place_of, read_folder
from fumehood_tools.records.scores import Asked, Failure
from fumehood_tools.registry.kinds import FAILURE
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.recording import without_paths
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.sandbox.declarations import declares_no_training
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.settings import Settings
from fumehood_tools.timestamps import now


class CustomItem(NamedTuple):
    """A variant and a seed. digest: of all that decides its metrics."""

    variant: str
    seed: int
    source: bytes
    digest: str
    folder: Path

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"{self.variant} seed {self.seed}"


class CustomRun:
    """One run of variants x seeds."""

    def __init__(self, settings: Settings, sandbox: str, context: JobContext) -> None:
        """Raises IntegrityFailed if the sealed files are not those that were pinned."""
        self._settings, self._context = settings, context
        self._box = open_sandbox(settings, sandbox)
        self._custom = custom_of(self._box)
        self.sealed, self.is_pinned = check_sealed(settings.state, self._box)
        self.level = choose_level(settings.glass, self._box.spec.limits.glass)
        results = place_of(self._box.results, settings.workspace)
        self._writer = RecordWriter(settings.workspace, results)
        self._book = self._writer.book()

    def run(
        self, variants: Sequence[str], seeds: Sequence[int], asked: Asked | None = None
    ) -> dict[str, Any]:
        """Measure what has no record yet. Returns names by what became of them.

        asked: the request for it; None if it is not known. Raises RunFailed if nothing got a score.
        """
        items = [self._item(name, seed) for name in variants for seed in seeds]
        waiting = [item for item in items if not self._has_record(item)]
        failed: dict[str, str] = {}
        log("start", self._box.name, f"{len(waiting)} of {len(items)} have no score yet")
        if waiting:
            inputs = inputs_of(self._box, self._custom)
            with (
                scratch_folder(self._context.folder, "scratch-") as scratch,
                CustomChildren(self._box, self._custom, inputs, self.level, scratch) as children,
            ):
                for number, item in enumerate(waiting):
                    self._report(number, len(waiting), item)
                    if why := self._measure(children, item, asked):
                        failed[item.name] = why
                self._report(len(waiting), len(waiting))
        scored = len(items) - len(failed)
        if not scored:
            raise RunFailed("No variant got a score:\n" + "\n".join(failed.values()))
        return {
            "scored": len(waiting) - len(failed),
            "reused": len(items) - len(waiting),
            "failed": failed,
            "sealed_sha256": self.sealed,
            "pinned": self.is_pinned,
        }

    def _item(self, variant: str, seed: int) -> CustomItem:
        source = read_plain(self._box.variant_path(variant))
        words = [hashlib.sha256(source).hexdigest(), seed, self.sealed]
        digest = digest_of([*words, self._box.describe_subject().identity])
        folder = self._box.results / variant / f"seed{seed}-{digest[:8]}"
        return CustomItem(variant, seed, source, digest, folder)

    def _has_record(self, item: CustomItem) -> bool:
        place = place_of(item.folder, self._settings.workspace)
        held = read_folder(self._settings.workspace, place, self._book)
        return held is not None and held.kind == KIND and held.problem is None

    def _measure(
        self, children: CustomChildren, item: CustomItem, asked: Asked | None
    ) -> str | None:
        """Run one item and record what became of it; return why it got no score, or None."""
        started, stage = now(), "produce"
        try:
            produced, spent = children.produce(item.variant, item.source, item.seed)
            stage = "evaluate"
            metrics, took = children.evaluate(produced, item.variant, item.seed)
        except FumehoodError as error:
            return self._failure(item, stage, error, started)
        self._record(item, Measured(produced, metrics, spent, took), asked)
        told = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        log("score", item.name, f"{told} (produce {spent:.1f} s, evaluate {took:.1f} s)")
        return None

    def _failure(self, item: CustomItem, stage: str, error: FumehoodError, started: str) -> str:
        """Store why an item gets no score; return the message as stored."""
        report, subject = ErrorReport.of(error), self._box.spec.subject
        message = without_paths(report.message, self._settings)
        sha256 = hashlib.sha256(item.source).hexdigest()
        failure = Failure(
            variant=item.variant,
            seed=item.seed,
            file_sha256=sha256,
            run=item.digest,
            control=item.variant if declares_no_training(item.source) else None,
            stage=stage,
            code=report.code,
            check=report.check,
            limit=report.limit,
            message=message,
            variant_sha256=sha256,
            subject=subject.name,
            layer=subject.layer,
            glass=self.level,
            sealed_sha256=self.sealed,
            started=started,
            finished=now(),
        )
        self._write(FAILURE.name, item, failure.model_dump(mode="json"), {})
        log(stage, item.name, f"failed: {message}")
        return message

    def _record(self, item: CustomItem, measured: Measured, asked: Asked | None) -> None:
        spec = self._box.spec
        content = {
            "variant": item.variant,
            "seed": item.seed,
            "run": item.digest,
            "control": declares_no_training(item.source),
            "metrics": measured.metrics,
            "declared": self._custom.model_dump(mode="json")["metrics"],
            "headline": self._custom.headline,
            "said": f"evaluated by this sandbox's own code, sha256 {self.sealed}",
            "sealed_sha256": self.sealed,
            "pinned": self.is_pinned,
            "variant_sha256": hashlib.sha256(item.source).hexdigest(),
            "produced_sha256": sha256_of(measured.produced),
            "subject": spec.subject.model_dump(mode="json"),
            "subject_identity": self._box.describe_subject().identity,
            "asked": asked and asked.model_dump(mode="json"),
            "glass": self.level,
            "seconds": [round(measured.produce_seconds, 2), round(measured.evaluate_seconds, 2)],
            "written": now(),
        }
        self._write(KIND, item, content, {"produced.safetensors": measured.produced})

    def _write(
        self, kind: str, item: CustomItem, content: Mapping[str, Any], beside: Mapping[str, Path]
    ) -> None:
        files: dict[str, bytes | Path] = {f"{item.variant}.py": item.source, **beside}
        place = place_of(item.folder, self._settings.workspace)
        self._writer.write(Draft(kind, place, content, files))

    def _report(self, number: int, total: int, item: CustomItem | None = None) -> None:
        now_at = f"; {item.name}" if item else ""
        said = f"{number} of {total} done{now_at}"
        progress = Progress(done=number, total=total, phase="produce and evaluate:", message=said)
        self._context.report(progress)
