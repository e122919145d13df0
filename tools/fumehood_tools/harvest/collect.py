"""Harvest activations and probing artifacts for one request. Heavy: imports torch when needed.

When everything asked for is there already, nothing heavy is imported and no lock is taken.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fumehood_tools.corpora.probing import check_tasks, known_tasks
from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import write_json
from fumehood_tools.harvest.records import (
    MANIFEST,
    Activations,
    HarvestRequest,
    Probing,
    activations_folder,
    artifact,
    probing_folder,
    read_activations,
)
from fumehood_tools.harvest.reporting import Reporter
from fumehood_tools.locking import exclusive
from fumehood_tools.machine import RealDtype, choose_device, choose_dtype, read_machine
from fumehood_tools.subjects import SubjectInfo, describe_subject
from fumehood_tools.subjects.catalogue import SYNTHETIC_TASKS

if TYPE_CHECKING:
    from fumehood_tools.harvest.engine import Source


class Harvester:
    """Does one request. The subject is loaded at most once, and only where something is missing."""

    def __init__(self, request: HarvestRequest, reporter: Reporter) -> None:
        self._request, self._reporter = request, reporter
        self.info = describe_subject(request.subject, request.cache)
        self.dtype: RealDtype = "float32"
        self.device = "cpu"
        if self.info.kind == "language_model":
            machine = read_machine(request.cache)
            self.device = choose_device(request.device, machine)
            self.dtype = choose_dtype(request.dtype, machine)
        self._source: Source | None = None

    def activations(self) -> Activations:
        """Return the activations, harvesting what is missing.

        Raises CorpusTooSmall, PartMissing, BadRequest, RunFailed, StorageFailed.
        """
        folder = activations_folder(self._request, self.info, self.dtype)
        with contextlib.suppress(StorageFailed):
            return read_activations(folder)
        with self._alone(folder):
            with contextlib.suppress(StorageFailed):
                return read_activations(folder)
            return self._harvest(folder)

    def probing(self) -> Probing | None:
        """Return the probing artifacts, building the missing tasks; None when none are asked for.

        Raises UnknownName for a task, and what `activations` raises.
        """
        tasks = self._request.scoring.probing_tasks
        if not tasks:
            return None
        check_tasks(tasks, _tasks_of(self.info))
        folder = probing_folder(self._request, self.info, self.dtype)
        if not all(artifact(folder, task).is_file() for task in tasks):
            from fumehood_tools.harvest.probing import build_artifacts

            with self._alone(folder):
                missing = [task for task in tasks if not artifact(folder, task).is_file()]
                if missing:
                    scoring = self._request.scoring
                    build_artifacts(missing, scoring, self._open(), folder, self._reporter)
        return Probing(digest=folder.name, folder=folder, tasks=tasks)

    def _harvest(self, folder: Path) -> Activations:
        from fumehood_tools.harvest import shards
        from fumehood_tools.harvest.tokens import DOCUMENTS, token_rows

        source = self._open()
        rows = token_rows(self._request.corpus, source, folder, self._reporter)
        splits = (("eval", rows.evaluation), ("train", rows.train))
        width = source.reader.d_model
        total = sum(part.shape[0] * (part.shape[1] - 1) for _, part in splits)
        left = sum(shards.missing_tokens(part, folder / name, width) for name, part in splits)
        phase = self._reporter.phase("activations", total, total - left)
        paths = {
            name: shards.write_split(part, folder / name, source.reader, phase)
            for name, part in splits
        }
        body = self._request.corpus.context - 1
        manifest = {
            "digest": folder.name,
            "train_shards": [f"train/{path.name}" for path in paths["train"]],
            "eval_shards": [f"eval/{path.name}" for path in paths["eval"]],
            "eval_tokens_file": "eval_tokens.npy",
            "documents_file": DOCUMENTS,
            "train_tokens": len(rows.train) * body,
            "eval_tokens": len(rows.evaluation) * body,
            "d_model": width,
            "dtype": self.dtype,
            "scale": shards.scale_of(paths["train"]),
            "subject_identity": self.info.identity,
            "corpus_digest": _corpus_digest(self._request, self.info),
        }
        write_json(folder / MANIFEST, manifest)
        return read_activations(folder)

    def _open(self) -> "Source":
        if self._source is None:
            request = self._request
            # Said first: the imports alone can take ten seconds.
            self._reporter.note("loading", f"Loading {request.subject.name} in {self.dtype}")
            from fumehood_tools.harvest.engine import open_source

            self._source = open_source(request.subject, request.cache, self.dtype, self.device)
        return self._source

    @contextlib.contextmanager
    def _alone(self, folder: Path) -> Iterator[None]:
        """Hold the folder's lock; what a killed process was writing is removed."""
        with exclusive(folder.parent / f".{folder.name}.lock", self._say_waiting):
            for left in (path for path in folder.rglob(".*") if path.is_file()):
                left.unlink(missing_ok=True)
            yield

    def _say_waiting(self) -> None:
        self._reporter.note(
            "waiting", "Another harvest of the same data is running; waiting for it"
        )


def _tasks_of(info: SubjectInfo) -> tuple[str, ...]:
    return SYNTHETIC_TASKS if info.kind == "synthetic" else known_tasks()


def _corpus_digest(request: HarvestRequest, info: SubjectInfo) -> str:
    from fumehood_tools.corpora import corpus_identity

    return corpus_identity(request.corpus, info.kind)
