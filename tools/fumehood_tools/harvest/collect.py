"""Harvest activations and probing artifacts for one request.

Imports torch only if something is missing. If all results exist already, it also takes no locks.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fumehood_tools.corpora.probing import check_tasks, known_tasks
from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import digest_of, write_json
from fumehood_tools.harvest.records import (
    BATCH,
    DOCUMENTS,
    EVAL_TOKENS,
    MANIFEST,
    Activations,
    HarvestRequest,
    Probing,
    Site,
    activations_folder,
    artifact,
    probing_folder,
    read_activations,
)
from fumehood_tools.harvest.reporting import Reporter
from fumehood_tools.locking import exclusive
from fumehood_tools.machine import Machine, RealDtype, choose_device, choose_dtype, read_machine
from fumehood_tools.subjects import SubjectInfo, describe_subject
from fumehood_tools.subjects.catalogue import SYNTHETIC_TASKS

REMIND_SECONDS = 2.0
"""How often a harvest that waits for another one reports what is there."""

if TYPE_CHECKING:
    from fumehood_tools.corpora.rows import TokenRows
    from fumehood_tools.harvest.engine import Reader, Source
    from fumehood_tools.harvest.shards import Target


class Harvester:
    """Processes one request. Loads the subject at most once, and only if something is missing.

    Data that are missing for several sites are computed in the same forward passes.
    """

    def __init__(self, request: HarvestRequest, reporter: Reporter) -> None:
        self._request, self._reporter = request, reporter
        self.info = describe_subject(request.subject, request.cache)
        for site in request.sites:
            describe_subject(request.subject.model_copy(update=site.model_dump()), request.cache)
        self.dtype: RealDtype = "float32"
        self.device: Literal["cpu", "cuda"] = "cpu"
        self._machine: Machine | None = None
        if self.info.kind == "language_model":
            self._machine = read_machine(request.cache)
            self.device = choose_device(request.device, self._machine)
            self.dtype = choose_dtype(request.dtype, self._machine)
        self._source: Source | None = None

    def activations(self) -> tuple[Activations, ...]:
        """Return the activations of each requested site, computing those that are missing.

        Raises CorpusTooSmall, PartMissing, BadRequest, RunFailed, StorageFailed.
        """
        folders = {
            site: activations_folder(self._request, site, self.info, self.dtype)
            for site in self._request.all_sites
        }
        missing = [folder for folder in folders.values() if not _is_finished(folder)]
        if missing:
            with self._alone(missing):
                left = {site: path for site, path in folders.items() if not _is_finished(path)}
                if left:
                    self._harvest(left)
        return tuple(read_activations(folders[site]) for site in self._request.all_sites)

    def probing(self) -> tuple[Probing, ...] | None:
        """Return the probing artifacts of each probing site, building those that are missing.

        Returns None if no tasks are requested. Raises UnknownName for an unknown task, and the
        errors of `activations`.
        """
        tasks = self._request.scoring.probing_tasks
        if not tasks:
            return None
        check_tasks(tasks, _tasks_of(self.info))
        folders = {
            site: probing_folder(self._request, site, self.info, self.dtype)
            for site in self._request.probing_sites
        }
        lacking = [folder for folder in folders.values() if _missing_tasks(folder, tasks)]
        if lacking:
            with self._alone(lacking):
                left = {site: _missing_tasks(path, tasks) for site, path in folders.items()}
                if any(left.values()):
                    self._probe(folders, left)
        return tuple(
            Probing(digest=folders[site].name, folder=folders[site], tasks=tasks)
            for site in self._request.probing_sites
        )

    def _harvest(self, folders: dict[Site, Path]) -> None:
        from fumehood_tools.harvest.shards import Target
        from fumehood_tools.harvest.tokens import token_rows

        source = self._open()
        rows = token_rows(self._request.corpus, source, tuple(folders.values()), self._reporter)
        # All sites share a batch size, except those that a killed harvest began with another one.
        by_batch: dict[int, list[Target]] = {}
        for site, folder in folders.items():
            batch = self._batch_for(folder, rows, tuple(folders))
            by_batch.setdefault(batch, []).append(Target(site, folder))
        for batch, targets in by_batch.items():
            self._write(targets, rows, source.reader, batch)

    def _write(
        self, targets: "list[Target]", rows: "TokenRows", reader: "Reader", batch: int
    ) -> None:
        from fumehood_tools.harvest import shards

        parts = {"eval": rows.evaluation, "train": rows.train}
        into = {
            name: [shards.Target(site, folder / name) for site, folder in targets] for name in parts
        }
        width = reader.d_model
        total = sum(sum(shards.shard_sizes(part)) for part in parts.values())
        left = sum(shards.missing_tokens(parts[name], into[name], width) for name in parts)
        phase = self._reporter.phase("activations", total, total - left)
        paths = {
            name: shards.write_split(parts[name], into[name], reader, batch, phase)
            for name in parts
        }
        for number, (_, folder) in enumerate(targets):
            train, evaluation = paths["train"][number], paths["eval"][number]
            facts = {
                "train_tokens": sum(shards.shard_sizes(rows.train)),
                "eval_tokens": sum(shards.shard_sizes(rows.evaluation)),
                "d_model": width,
                "scale": shards.scale_of(train),
                "batch_tokens": batch,
            }
            self._finish(folder, train, evaluation, facts)

    def _finish(
        self,
        folder: Path,
        train: tuple[Path, ...],
        evaluation: tuple[Path, ...],
        facts: dict[str, float],
    ) -> None:
        manifest = {
            "digest": folder.name,
            "train_shards": [f"train/{path.name}" for path in train],
            "eval_shards": [f"eval/{path.name}" for path in evaluation],
            "eval_tokens_file": EVAL_TOKENS,
            "documents_file": DOCUMENTS,
            **facts,
            "dtype": self.dtype,
            "subject_identity": self.info.identity,
            "corpus_digest": _corpus_digest(self._request, self.info),
        }
        write_json(folder / MANIFEST, manifest)

    def _probe(self, folders: dict[Site, Path], tasks: dict[Site, tuple[str, ...]]) -> None:
        from fumehood_tools.harvest.batching import Batch, kept_batch
        from fumehood_tools.harvest.probing import Wanted, build_artifacts

        batch = kept_batch(self._known_batch()) or Batch()
        wanted = [Wanted(site, folders[site], missing) for site, missing in tasks.items()]
        build_artifacts(wanted, self._request.scoring, self._open(), batch.tokens, self._reporter)

    def _batch_for(self, folder: Path, rows: "TokenRows", sites: tuple[Site, ...]) -> int:
        from fumehood_tools.harvest import batching

        def measure() -> batching.Batch:
            self._reporter.note("batch", "Measuring the best number of tokens per forward pass")
            candidates = batching.CANDIDATES[self.device]
            return batching.measure_batch(rows.train, self._open().reader, sites, candidates)

        total = rows.train.size + rows.evaluation.size
        if self._machine is None:
            return batching.DEFAULT_TOKENS
        return batching.choose_batch(folder / BATCH, self._known_batch(), measure, total).tokens

    def _known_batch(self) -> Path:
        """Return the file with the batch size of this subject on this machine.

        It is the same for all sites: only equal batch sizes give equal bytes, whether sites are
        harvested together or one by one.
        """
        machine = self._machine.key if self._machine else None
        parts = [machine, self.info.identity, self.dtype, self.device]
        return self._request.cache / "batches" / f"{digest_of(parts)}.json"

    def _open(self) -> "Source":
        if self._source is None:
            request = self._request
            # Report this before the imports, which alone can take ten seconds.
            self._reporter.note("loading", f"Loading {request.subject.name} in {self.dtype}")
            from fumehood_tools.harvest.engine import open_source

            self._source = open_source(
                request.subject, request.all_sites, request.cache, self.dtype, self.device
            )
        return self._source

    @contextlib.contextmanager
    def _alone(self, folders: Sequence[Path]) -> Iterator[None]:
        """Hold the folders' locks, and remove partial files that a killed process left."""
        with contextlib.ExitStack() as locks:
            # Every process takes the locks in sorted order, so there are no deadlocks.
            for folder in sorted(folders):
                lock = folder.parent / f".{folder.name}.lock"
                say = partial(self._say_waiting, folder)
                locks.enter_context(exclusive(lock, say, math.inf, REMIND_SECONDS))
                for left in (path for path in folder.rglob(".*") if path.is_file()):
                    left.unlink(missing_ok=True)
            yield

    def _say_waiting(self, folder: Path) -> None:
        """Report what another process has done so far: its files, each written atomically."""
        written = sum(1 for path in folder.rglob("*") if path.suffix in (".npy", ".pt"))
        self._reporter.note(
            "waiting",
            f"Another harvest of the same data is running; waiting for it ({written} files so far)",
        )


def _is_finished(folder: Path) -> bool:
    try:
        read_activations(folder)
    except StorageFailed:
        return False
    return True


def _missing_tasks(folder: Path, tasks: Sequence[str]) -> tuple[str, ...]:
    return tuple(task for task in tasks if not artifact(folder, task).is_file())


def _tasks_of(info: SubjectInfo) -> tuple[str, ...]:
    return SYNTHETIC_TASKS if info.kind == "synthetic" else known_tasks()


def _corpus_digest(request: HarvestRequest, info: SubjectInfo) -> str:
    from fumehood_tools.corpora import corpus_identity

    return corpus_identity(request.corpus, info.kind)
