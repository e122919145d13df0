"""Write the outcome of each item under results/: a score or a failure, with its files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from fumehood_tools import receipts
from fumehood_tools.errors import RunFailed
from fumehood_tools.glass import STRENGTH
from fumehood_tools.quoting import quotable
from fumehood_tools.records.scores import Asked, Cost, Data, Failure, Score
from fumehood_tools.records.work import Work
from fumehood_tools.registry.kinds import FAILURE, SCORE, RecordKind
from fumehood_tools.registry.sae_metrics import SPARSITY
from fumehood_tools.runs.items import RunItem, provenance, settings_digest
from fumehood_tools.runs.scorer_line import AnswerThere
from fumehood_tools.runs.targets import Effort
from fumehood_tools.runs.training import CONFIG, LOG
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.scoring.requests import ErrorReport, ScoringAnswer
from fumehood_tools.settings import Settings
from fumehood_tools.timestamps import now

Stage = Literal["check", "train", "score"]
KEPT = (CONFIG, LOG, "core.json", "sparse_probing.json")


class Recorder:
    """Writes the records of one job. Creates the workspace's signing key if there is none."""

    def __init__(
        self, settings: Settings, sandbox: Sandbox, glass: str, asked: Asked | None = None
    ) -> None:
        """asked: the request for the job; None if it is not known."""
        self.settings, self.sandbox, self.glass = settings, sandbox, glass
        self._asked = asked
        self._started: dict[str, str] = {}
        subject = sandbox.spec.subject
        self._spot: dict[str, Any] = {"subject": subject.name, "layer": subject.layer}
        results = receipts.place_of(sandbox.results, settings.workspace)
        self._writer = receipts.RecordWriter(settings.workspace, results)
        self._book = self._writer.book()

    def done(self, item: RunItem) -> float | None:
        """Return the L0 of the item's stored score, or None if it has to be run (again).

        The score must be valid and within the current limits. Scores from before the job began and
        from this job are considered.
        """
        place = receipts.place_of(item.folder, self.settings.workspace)
        held = receipts.read_folder(self.settings.workspace, place, self._book)
        if held is None or held.kind != "score" or held.problem is not None:
            return None
        limits = self.sandbox.spec.limits
        ratio = (held.record.get("integrity") or {}).get("parameter_ratio", 0.0)
        behind = STRENGTH.get(held.record["glass"], 0)
        if behind < STRENGTH[limits.glass] or ratio > limits.parameter_ratio:
            return None
        work = held.record.get("work")
        if work is not None and Work.model_validate(work).is_over(limits.work_ratio):
            return None
        return float(held.record["metrics"][SPARSITY])

    def start(self, item: RunItem, when: str | None = None) -> None:
        """Remember the time at which work on an item began (ISO 8601, UTC; default: now)."""
        self._started[item.name] = when or now()

    def begun(self, item: RunItem) -> None:
        """Enter into the ledger that a training has begun, as one that is stopped has no record.

        Only of own files: packaged ones train in the same way every time.
        """
        is_packaged = packaged_variants().get(item.variant) == item.file_version
        if item.control is not None or is_packaged:
            return
        about = {
            "file_sha256": item.file_version,
            "parameters": dict(item.parameters),
            "settings_digest": settings_digest(self.sandbox.spec),
            **self._spot,
        }
        place = receipts.place_of(item.folder, self.settings.workspace)
        self._writer.begin(SCORE.name, place, about)

    def score(
        self, item: RunItem, out: Path, data: Data, answer: ScoringAnswer, effort: Effort
    ) -> Score:
        """Store the scorer's answer about the weights in `out`; return the record.

        Raises RunFailed if the weights are not those that were scored.
        """
        spec = self.sandbox.spec
        trained, scored = effort.where, answer.where
        weights, arithmetic = out / spec.kind.weights_file, effort.arithmetic
        about = provenance(
            item, spec, weights, trained=trained, scored=scored, arithmetic=arithmetic
        )
        if answer.weights_sha256 != about.weights_sha256:
            raise RunFailed(f"{item.name}: weights changed during scoring. Start the run again.")
        score = Score(
            kind=spec.template,
            variant=item.variant,
            seed=item.seed,
            parameters=dict(item.parameters),
            knob=item.knob,
            file_sha256=item.file_sha256,
            run=item.digest,
            control=item.control,
            **self._spot,
            site=spec.sites()[0],
            dict_size=spec.dict_size,
            data=data,
            metrics=answer.metrics,
            integrity=answer.integrity,
            inertness=answer.inertness,
            density=answer.density,
            work=effort.work,
            provenance=about,
            spec=spec.model_dump(mode="json"),
            asked=self._asked,
            glass=min(trained.glass, scored.glass, key=STRENGTH.__getitem__),
            cost=_cost(answer, effort),
            started=self._started.get(item.name, now()),
            finished=now(),
        )
        kept = {name: out / name for name in (weights.name, *KEPT) if (out / name).is_file()}
        self._write(SCORE, item, score, kept)
        return score

    def failure(
        self, item: RunItem, stage: Stage, error: ErrorReport, effort: Effort | None = None
    ) -> str:
        """Store why an item gets no score; return the message as stored.

        effort: what its training took elsewhere; None: it was here, or did not end.
        """
        message = without_paths(error.message, self.settings)
        glass = self.glass if effort is None else effort.where.glass
        failure = Failure(
            variant=item.variant,
            seed=item.seed,
            parameters=dict(item.parameters),
            knob=item.knob,
            file_sha256=item.file_sha256,
            run=item.digest,
            control=item.control,
            stage=stage,
            code=error.code,
            check=error.check,
            limit=error.limit,
            message=message,
            variant_sha256=item.sha256,
            **self._spot,
            glass=None if stage == "check" else glass,
            cost=None if effort is None else _cost(None, effort),
            started=self._started.get(item.name, now()),
            finished=now(),
        )
        self._write(FAILURE, item, failure, {})
        return message

    def _write(
        self, kind: RecordKind, item: RunItem, record: BaseModel, beside: Mapping[str, Path]
    ) -> None:
        files: dict[str, bytes | Path] = {f"{item.variant}.py": item.source, **beside}
        content = record.model_dump(mode="json", exclude={"files"})
        place = receipts.place_of(item.folder, self.settings.workspace)
        self._writer.write(receipts.Draft(kind.name, place, content, files))


def without_paths(message: str, settings: Settings) -> str:
    """Remove this machine's folders from a message, because records may be shared."""
    message = quotable(message)
    for folder in (settings.workspace, settings.cache, Path.home()):
        message = message.replace(f"{folder}/", "")
    return message


def _cost(answer: ScoringAnswer | None, effort: Effort) -> Cost:
    there = answer if isinstance(answer, AnswerThere) else None
    usd = effort.usd
    if usd is not None and there is not None:
        usd += there.usd
    return Cost(
        train_seconds=round(effort.seconds, 2),
        score_seconds=0.0 if answer is None else answer.seconds,
        usd=usd,
        rented=effort.rented,
        scored_on=there.rented if there else None,
        scored_host=there.host if there else None,
    )
