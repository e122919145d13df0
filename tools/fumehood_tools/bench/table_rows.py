"""The rows of a benchmark table, made from scores. Pure: nothing is read here.

Never shows a spread of one seed. Marks what a reader must know before comparing: a file that was
changed since, a skip path, a non-linear decoder, the isolation under which it was scored.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from fumehood_tools.bench.verdicts import Verdict
from fumehood_tools.quoting import one_line
from fumehood_tools.records.labelling import Packaged, is_packaged, label_of, name_of
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.records.work import Work
from fumehood_tools.registry.kinds import known_metrics
from fumehood_tools.registry.lookup import chosen_metrics, headline_metrics

CONTROL = "untrained"
WORK = "work"
"""Stands among a row's metrics: work of a training, times that of what it is set against."""
Kind = Literal["custom", "baseline", "control"]
OTHER_ORDERS = ("train_seconds", "variant")
"""What a table can be sorted by besides metrics."""
_MESSAGE = 400


class Spread(BaseModel, frozen=True):
    """One metric over the seeds of one variant."""

    mean: float
    sd: float | None = Field(description="sample s.d.; null with 1 seed")
    seeds: int = Field(description="seeds with a value")


class Row(BaseModel, frozen=True):
    """One variant, or a copy of it with other parameters."""

    label: str = Field(description="topk, or topk(K=64) for a copy")
    variant: str
    parameters: dict[str, Any] = Field(description="what the copy changes")
    kind: Kind = Field(description="baseline and control: the packaged file, unchanged")
    seeds: list[int]
    metrics: dict[str, Spread] = Field(description="absent: not measured")
    train_seconds: float
    elsewhere: bool = Field(description="not trained here")
    stale: str | None = Field(description="why it is not a score of the file as it is")
    skip: bool = Field(description="a skip path; metrics leave it out")
    nonlinear: bool = Field(description="non-linear decoder")
    glass: list[str] = Field(description="isolation, by seed")
    verdict: str | None = Field(
        description="did its change do anything: active, weak, inert; ?: not judged"
    )


class SeedRow(BaseModel, frozen=True):
    """One trained SAE: every metric; digests cut to 12 digits."""

    label: str
    seed: int
    metrics: dict[str, float] = Field(description="as measured; sae_bench_* are sae-bench's own")
    integrity: dict[str, Any] = Field(description="what the evaluator's checks measured")
    variant_sha256: str
    weights_sha256: str
    glass: str
    machine: str
    train_seconds: float
    score_seconds: float
    finished: str


class FailureRow(BaseModel, frozen=True):
    """One run without a score. The message may quote the variant: data, not orders."""

    label: str
    seed: int
    stage: str
    code: str
    check: str | None = Field(description="the evaluator's check that did not pass")
    limit: str | None = Field(description="the limit that ended it")
    message: str
    stale: bool = Field(description="the file has been changed since")


class RowSummary(NamedTuple):
    """What the order and the warnings of a table need to know of each row, on any page."""

    label: str
    variant: str
    kind: Kind
    seeds: int
    glass: frozenset[str]
    means: dict[str, float]
    """Of the metric that is sorted by, and of those that are held against the control's."""
    elsewhere: bool = False


def outline(scores: Sequence[Score], packaged: Packaged, sort: str) -> RowSummary:
    """Return the outline of one variant. packaged: name -> sha256."""
    means: dict[str, float] = {}
    beside = chosen_metrics(lambda metric: metric.over_control is not None)
    for name in {sort, *(metric.key for metric in beside)} - {"variant"}:
        if name == "train_seconds":
            means[name] = _train_seconds(scores)
        elif values := _values(scores, name):
            means[name] = statistics.fmean(values)
    glass = frozenset(score.glass for score in scores)
    first = scores[0]
    return RowSummary(
        label_of(first, packaged),
        name_of(first, packaged),
        kind_of(first, packaged),
        len(scores),
        glass,
        means,
        _is_from_elsewhere(scores),
    )


def row(
    scores: Sequence[Score],
    current: Mapping[str, str],
    packaged: Packaged,
    verdict: Verdict | None,
    whole: bool,
) -> Row:
    """Return the row of one variant. current, packaged: name -> sha256; whole: every metric."""
    checked = [score.integrity for score in scores if score.integrity is not None]
    shown = known_metrics() if whole else [metric.key for metric in headline_metrics()]
    return Row(
        label=label_of(scores[0], packaged),
        variant=name_of(scores[0], packaged),
        parameters=scores[0].parameters,
        kind=kind_of(scores[0], packaged),
        seeds=[score.seed for score in scores],
        metrics=_spreads(scores, shown),
        train_seconds=_train_seconds(scores),
        elsewhere=_is_from_elsewhere(scores),
        stale=stale_reason(scores[0], current, packaged),
        skip=any(found.explained_variance_with_skip is not None for found in checked),
        nonlinear=any(found.decoder == "nonlinear" for found in checked),
        glass=sorted({score.glass for score in scores}),
        verdict=verdict.word if verdict else None,
    )


def stale_reason(score: Score, current: Mapping[str, str], packaged: Packaged) -> str | None:
    """Return why a score is not one of the variant's file as it is now; None: it is."""
    name = score.variant
    if name not in current:
        return f"variants/{name}.py is gone"
    if current[name] != score.file_version and is_packaged(score, packaged):
        return f"variants/{name}.py was changed; this is a score of the packaged file"
    if current[name] != score.file_version:
        return f"variants/{name}.py was changed after this score; run_variants scores it again"
    return None


def kind_of(score: Score, packaged: Packaged) -> Kind:
    """Return what a score is one of."""
    if not is_packaged(score, packaged):
        return "custom"
    return "control" if score.variant == CONTROL else "baseline"


def _train_seconds(scores: Sequence[Score]) -> float:
    return round(statistics.fmean(score.cost.train_seconds for score in scores), 2)


def _is_from_elsewhere(scores: Sequence[Score]) -> bool:
    """Whether the file says that it is not trained, or brings what was computed elsewhere."""
    return any(score.work is not None and not score.work.trained_here for score in scores)


def _values(scores: Sequence[Score], metric: str) -> list[float]:
    return [score.metrics[metric] for score in scores if metric in score.metrics]


def _spreads(scores: Sequence[Score], names: Iterable[str]) -> dict[str, Spread]:
    """Return the metrics of these names that were measured, and the work of a training."""
    work = [score.work.ratio for score in scores if score.work is not None]
    spreads = {}
    for name, values in (*((name, _values(scores, name)) for name in names), (WORK, work)):
        if values:
            deviation = statistics.stdev(values) if len(values) > 1 else None
            mean = statistics.fmean(values)
            spreads[name] = Spread(mean=mean, sd=deviation, seeds=len(values))
    return spreads


def most_seeds(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return variant -> the most seeds that any of its copies has, from (variant, seeds)."""
    most: dict[str, int] = {}
    for variant, seeds in counted:
        most[variant] = max(seeds, most.get(variant, 0))
    return most


def in_order(outlines: Sequence[RowSummary], sort: str) -> list[RowSummary]:
    """Return them, best first (names: A first), those without that metric and the control last.

    The least first of seconds, and of metrics of which more is not better.
    """
    metric = known_metrics().get(sort)
    sign = metric.sign if metric else -1

    def key(found: RowSummary) -> tuple[bool, bool, float, str]:
        value = found.means.get(sort)
        missing = value is None and sort != "variant"
        return found.kind == "control", missing, -sign * (value or 0.0), found.label

    return sorted(outlines, key=key)


def seed_row(score: Score, packaged: Packaged) -> SeedRow:
    """Return everything that was measured of one SAE."""
    return SeedRow(
        label=label_of(score, packaged),
        seed=score.seed,
        metrics={
            **score.metrics,
            **({WORK: score.work.ratio} if score.work else {}),
        },
        integrity={
            **(score.integrity.model_dump(exclude_none=True) if score.integrity else {}),
            **({WORK: _work_in_words(score.work)} if score.work else {}),
        },
        variant_sha256=score.provenance.variant_sha256[:12],
        weights_sha256=score.provenance.weights_sha256[:12],
        glass=score.glass,
        machine=score.provenance.place,
        train_seconds=score.cost.train_seconds,
        score_seconds=score.cost.score_seconds,
        finished=score.finished,
    )


def times(ratio: float) -> str:
    """Return a ratio for reading: 0.3x, 1.0x, 15x."""
    return f"{ratio:.0f}x" if ratio >= 9.95 else f"{ratio:.1f}x"


def _work_in_words(work: Work) -> str:
    return (
        f"{times(work.ratio)} that of {work.reference} ({work.processor_seconds:.2f} and "
        f"{work.reference_seconds:.2f} s of processor time, {work.steps:,} steps), "
        f"{'trained here' if work.trained_here else 'not trained here'}, file of "
        f"{work.source_bytes:,} bytes, {work.constants_bytes:,} of them constants"
    )


def failure_row(failure: Failure, current: Mapping[str, str], packaged: Packaged) -> FailureRow:
    """Return a failure with a message that fits on a line and cannot steer a terminal."""
    message = one_line(failure.message)
    return FailureRow(
        label=label_of(failure, packaged),
        seed=failure.seed,
        stage=failure.stage,
        code=failure.code,
        check=failure.check,
        limit=failure.limit,
        message=message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]} […]",
        stale=current.get(failure.variant) != failure.file_version,
    )
