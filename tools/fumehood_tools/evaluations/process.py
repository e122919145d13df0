"""Evaluate SAEs one after another in one trusted process.

It never imports an evaluation or a variant: both run in children behind the glass, which are of two
nurseries. For each SAE it reads latents and decoder once, writes what evaluations get, and runs
every evaluation on it.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fumehood_tools.errors import FumehoodError
from fumehood_tools.evaluations.encoding import SaeReader
from fumehood_tools.evaluations.judging import DIGITS, Inputs, Runner
from fumehood_tools.evaluations.material import (
    Latented,
    latented,
    permuted,
    random_latents,
    shuffled,
    write_data,
    write_given,
)
from fumehood_tools.evaluations.profile import EVALUATION, limits_of
from fumehood_tools.evaluations.requests import (
    Done,
    Evaluated,
    EvaluationCopy,
    EvaluationRequest,
    EvaluationSetup,
    Failed,
    Reply,
    SaeFiles,
    Skipped,
)
from fumehood_tools.files import digest_of
from fumehood_tools.glass import Nursery, compiled_kernels, remove_folder
from fumehood_tools.scoring.requests import ErrorReport, ScoringSetup
from fumehood_tools.subjects.catalogue import SYNTHETIC

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fumehood_tools.evaluations.spelling import SpellingSubject

_WHY_NOT = {
    "planted": "it needs planted features, which only the synthetic subject has",
    "siblings": "it needs the same variant with another seed: run_variants with more seeds",
    "vocabulary": "it needs a language model, and the synthetic subject has no text",
    "probing": "it needs probing tasks (scoring.probing_tasks in sandbox.toml)",
    "linear": "it needs a linear decoder, and this one is nonlinear",
    "resid_post": "sae-bench reads the residual stream after a block, and this is another site",
}


class Evaluator:
    """Evaluates the SAEs of one job. Use as a context manager: on exit it ends its nurseries."""

    def __init__(self, setup: EvaluationSetup) -> None:
        import torch

        self._setup, scoring = setup, setup.scoring
        self._scratch = scoring.scratch.resolve()
        self._encoders = Nursery(
            self._scratch / "encode",
            level=scoring.glass,
            threads=torch.get_num_threads(),
            kernels=compiled_kernels(scoring.cache),
        )
        self._evaluations = Nursery(
            self._scratch / "evaluate", level=scoring.glass, profile=EVALUATION
        )
        self._spelling: SpellingSubject | None = None
        self._decoders: dict[str, NDArray[np.float32] | None] = {}
        # Evaluations that reached a limit. They would do so on every SAE, for minutes each.
        self._stopped: dict[str, ErrorReport] = {}
        try:
            self._reader = SaeReader(self._encoders, scoring)
            self._data = self._write_data()
            self._files = self._copied(setup.evaluations)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._encoders.close()
        self._evaluations.close()

    def _write_data(self) -> Path:
        scoring = self._setup.scoring
        wants = any("vocabulary" in one.needs for one in self._setup.evaluations)
        vocabulary = _vocabulary(scoring) if wants else []
        return write_data(
            scoring, self._reader.kept, self._setup.seed, vocabulary, self._folder() / "data"
        )

    def _copied(self, files: Sequence[EvaluationCopy]) -> dict[str, EvaluationCopy]:
        """Copy the files to where the evaluations' nursery sees them; return them by name."""
        folder, found = self._folder(), {}
        for file in files:
            path = folder / file.path.name
            shutil.copyfile(file.path, path)
            found[file.name] = file.model_copy(update={"path": path})
        return found

    def _folder(self) -> Path:
        root = self._scratch / "evaluate"
        root.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=root))

    def answers(self, request: EvaluationRequest) -> Iterator[Reply]:
        """Yield the reply to each evaluation of a request, then Done."""
        try:
            given = self._given(request)
        except FumehoodError as error:
            yield Failed(name=request.name, evaluation=None, error=ErrorReport.of(error))
        else:
            yield from self._evaluated(request, given)
        yield Done(name=request.name)

    def _given(self, request: EvaluationRequest) -> Latented:
        """Return the SAE's part of what evaluations get. Raises RunFailed, IntegrityFailed."""
        encoded = self._reader.encode(request.sae, request.l0)
        wanted = [self._files[one] for one in request.evaluations]
        others = request.siblings if any("siblings" in one.needs for one in wanted) else ()
        siblings = [W for W in map(self._decoder, others) if W is not None]
        return latented(encoded, siblings)

    def _decoder(self, files: SaeFiles) -> "NDArray[np.float32] | None":
        """Return the decoder of another seed, which is read once per job."""
        if files.weights_sha256 not in self._decoders:
            self._decoders[files.weights_sha256] = self._reader.decoder(files)
        return self._decoders[files.weights_sha256]

    def _evaluated(self, request: EvaluationRequest, given: Latented) -> Iterator[Reply]:
        folder, name = self._folder(), request.name
        try:
            for evaluation in request.evaluations:
                file = self._files[evaluation]
                if why := self._why_not(file, given):
                    yield Skipped(name=name, evaluation=evaluation, why=why)
                    continue
                if (said := self._stopped.get(evaluation)) is not None:
                    yield Failed(name=name, evaluation=evaluation, error=said)
                    continue
                try:
                    if file.is_trusted:
                        yield self._measured_by_bench(file, request.sae, name)
                    else:
                        yield self._measured(file, given, folder, name)
                except FumehoodError as error:
                    said = ErrorReport.of(error)
                    if error.limit is not None:
                        self._stopped[evaluation] = said
                    yield Failed(name=name, evaluation=evaluation, error=said)
        finally:
            remove_folder(folder)

    def _why_not(self, file: EvaluationCopy, given: Latented) -> str | None:
        """Return why an evaluation does not apply to an SAE, or None if it does."""
        is_synthetic = self._setup.scoring.spec.subject.name == SYNTHETIC
        there = {
            "planted": is_synthetic,
            "siblings": bool(given.siblings),
            "vocabulary": not is_synthetic,
            "probing": bool(given.tasks),
            "linear": given.W is not None,
        }
        missing: list[str] = [need for need in file.needs if not there[need]]
        if file.is_trusted and self._setup.scoring.spec.sites() != ("resid_post",) * 2:
            missing.append("resid_post")
        return _WHY_NOT[missing[0]] if missing else None

    def _measured(
        self, file: EvaluationCopy, given: Latented, folder: Path, name: str
    ) -> Evaluated:
        limits = limits_of(self._setup.scoring.spec.limits)
        runner = Runner(self._evaluations, file.path, file.metrics, limits, self._folder)
        found = runner.measure(self._inputs(file, given, folder))
        return Evaluated(
            name=name,
            evaluation=file.name,
            metrics=found.metrics,
            chance=found.chance,
            constant=found.constant,
            apart=round(found.apart, 4),
            rows=given.rows,
            seconds=round(found.seconds, 3),
            processor_seconds=round(found.processor_seconds, 3),
        )

    def _measured_by_bench(self, file: EvaluationCopy, sae: SaeFiles, name: str) -> Evaluated:
        """Have sae-bench evaluate: in this process, with an encoder behind the glass."""
        from fumehood_tools.evaluations.sae_bench_absorption import evaluate
        from fumehood_tools.evaluations.spelling import SpellingSubject

        scoring = self._setup.scoring
        if self._spelling is None:
            self._spelling = SpellingSubject(scoring.spec.subject, scoring.cache)
            self._spelling.make_probes()
        started, processor = time.monotonic(), time.process_time()
        with self._reader.opened(sae) as measuring:
            found = evaluate(measuring, self._spelling)
        return Evaluated(
            name=name,
            evaluation=file.name,
            metrics={key: float(f"{value:.{DIGITS}g}") for key, value in found.items()},
            chance={},
            constant=(),
            apart=0.0,
            rows=len(self._spelling.tokenizer.words),
            seconds=round(time.monotonic() - started, 3),
            processor_seconds=round(time.process_time() - processor, 3),
        )

    def _inputs(self, file: EvaluationCopy, given: Latented, folder: Path) -> Inputs:
        """Return the specs of the runs. Evaluations with the same needs share the files."""
        hidden = given._replace(
            tasks=given.tasks if "probing" in file.needs else {},
            siblings=given.siblings if "siblings" in file.needs else (),
        )
        place = folder / digest_of(sorted(file.needs))
        if not place.exists():
            # Seeded by the system: an evaluation must not know what order comes.
            draw = np.random.default_rng()
            # Chance values are seeded, so that they are the same in a repetition.
            chance = np.random.default_rng(self._setup.seed)
            write_given(hidden, place / "own")
            write_given(permuted(hidden, draw), place / "permuted")
            write_given(shuffled(hidden, chance), place / "shuffled")
            write_given(random_latents(hidden, chance), place / "random")
        kinds = ("own", "permuted", "shuffled", "random")
        return Inputs(*(self._spec(place / kind) for kind in kinds))

    def _spec(self, given: Path) -> dict[str, Any]:
        return {"data": str(self._data), "given": str(given)}


def _vocabulary(scoring: ScoringSetup) -> list[str]:
    """Return the text of each token of a language model; none for the synthetic subject."""
    if scoring.spec.subject.name == SYNTHETIC:
        return []
    from fumehood_tools.subjects.loading import load_tokenizer

    tokenizer = load_tokenizer(scoring.spec.subject, scoring.cache)
    return [str(tokenizer.decode([number])) for number in range(len(tokenizer))]
