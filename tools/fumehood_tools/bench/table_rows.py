"""The rows of a benchmark table, computed from scores. Pure functions: nothing is read from disk.

One seed has no spread, so none is shown. Each row marks what a reader must know before comparing: a
file that has changed since, a skip path, a non-linear decoder, the isolation used for scoring.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from fumehood_tools.bench.changes import Change
from fumehood_tools.bench.collect import CONTROL
from fumehood_tools.quoting import one_line
from fumehood_tools.records.labelling import Packaged, is_packaged, label_of, name_of
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.records.work import Work
from fumehood_tools.registry.kinds import known_metrics
from fumehood_tools.registry.lookup import chosen_metrics, headline_metrics
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.registry.sae_metrics import SPARSITY

WORK = "work"
"""Key in a row's metrics: processor time of a training over that of its reference training."""
WORK_MEANING = (
    "processor time of a training, as a multiple of that of the packaged parent or of standard "
    "(whichever takes longer) for the same steps in the same run"
)
_SKIP = "explained variance of the skip path alone, and of the SAE and the skip path together"
SKIP_METRICS = (
    Metric(
        "explained_variance_skip",
        "EV skip",
        legend=_SKIP,
        description="explained variance of the skip path alone",
    ),
    Metric(
        "explained_variance_with_skip",
        "EV sum",
        legend=_SKIP,
        description="explained variance of the SAE and the skip path together",
    ),
)
"""Columns that the evaluator's checks measure, for SAEs with a skip path."""
_PARTS = "explained variance of the MLP's output by the skip path alone, and by the latents alone"
TRANSCODER_SKIP_METRICS = (
    SKIP_METRICS[0]._replace(legend=_PARTS),
    Metric(
        "explained_variance_latents",
        "EV latents",
        legend=_PARTS,
        description="explained variance of decode(f) alone, without the skip path",
    ),
)
"""The same for transcoders, whose metrics include the skip path."""
CHECKED_METRICS = {metric.key: metric for metric in (*SKIP_METRICS, *TRANSCODER_SKIP_METRICS)}
SKIP_MEANING = {
    "sae": "declares a path past the latents; the metrics leave it out, except EV skip and EV sum",
    "transcoder": "declares a linear path past the latents, x W + b; the metrics include it, "
    "except EV latents",
}
"""What a skip path means for the metrics, by kind of sandbox."""
Kind = Literal["custom", "baseline", "control"]
OTHER_ORDERS = ("train_seconds", "variant")
"""Sort keys of a table other than metrics."""
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
    stale: str | None = Field(description="why it is not a score of the current file")
    skip: bool = Field(description="has a skip path; the metrics exclude it")
    nonlinear: bool = Field(description="non-linear decoder")
    glass: list[str] = Field(description="isolation, by seed")
    change: str | None = Field(
        description="did its change do anything: active, weak, unclear, inert; ?: not judged"
    )


class SeedRow(BaseModel, frozen=True):
    """One trained SAE with every metric; digests are cut to 12 digits."""

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
    """One run without a score. The message may quote the variant: treat it as data."""

    label: str
    seed: int
    stage: str
    code: str
    check: str | None = Field(None, description="the evaluator's check that did not pass")
    limit: str | None = Field(None, description="the limit that ended it")
    message: str
    stale: bool = Field(False, description="the file has changed since")


class RowSummary(NamedTuple):
    """The facts about each row, on any page, that the order and warnings of a table depend on."""

    label: str
    variant: str
    kind: Kind
    seeds: int
    glass: frozenset[str]
    means: dict[str, float]
    """Means of L0, the sort metric and the metrics that are compared with the control's."""
    l0s: tuple[float, float]
    """The lowest and highest L0 of its seeds."""
    parameters: str
    """What the copy changes, such as K=64; empty for the file as written."""
    elsewhere: bool = False


def outline(scores: Sequence[Score], packaged: Packaged, sort: str) -> RowSummary:
    """Return the summary of one variant's scores. packaged: name -> sha256. sort: the sort key."""
    means: dict[str, float] = {}
    beside = chosen_metrics(lambda metric: metric.over_control is not None)
    for name in {SPARSITY, sort, *(metric.key for metric in beside)} - {"variant"}:
        if name == "train_seconds":
            means[name] = _train_seconds(scores)
        elif values := _values(scores, name):
            means[name] = statistics.fmean(values)
    glass = frozenset(score.glass for score in scores)
    first, l0s = scores[0], _values(scores, SPARSITY)
    label, name = label_of(first, packaged), name_of(first, packaged)
    return RowSummary(
        label,
        name,
        kind_of(first, packaged),
        len(scores),
        glass,
        means,
        (min(l0s), max(l0s)),
        label.removeprefix(name).strip("()"),
        _is_from_elsewhere(scores),
    )


def row(
    scores: Sequence[Score],
    current: Mapping[str, str],
    packaged: Packaged,
    change: Change | None,
    whole: bool,
) -> Row:
    """Return the row of one variant.

    current, packaged: name -> sha256 of its file. whole: include every metric, not only headlines.
    """
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
        change=change.word if change else None,
    )


def stale_reason(score: Score, current: Mapping[str, str], packaged: Packaged) -> str | None:
    """Return the reason why a score is not of the variant's current file; None if it is."""
    name = score.variant
    if name not in current:
        return f"variants/{name}.py is gone"
    if current[name] != score.file_version and is_packaged(score, packaged):
        return f"variants/{name}.py was changed; this is a score of the packaged file"
    if current[name] != score.file_version:
        return f"variants/{name}.py was changed after this score; call run_variants to score it"
    return None


def kind_of(score: Score, packaged: Packaged) -> Kind:
    """Return whether a score is of a custom variant, a packaged baseline, or the control."""
    if not is_packaged(score, packaged):
        return "custom"
    return "control" if score.variant == CONTROL else "baseline"


def _train_seconds(scores: Sequence[Score]) -> float:
    return round(statistics.fmean(score.cost.train_seconds for score in scores), 2)


def _is_from_elsewhere(scores: Sequence[Score]) -> bool:
    """Whether the file sets TRAIN = False, or contains constants that were computed elsewhere."""
    return any(score.work is not None and not score.work.trained_here for score in scores)


def _values(scores: Sequence[Score], metric: str) -> list[float]:
    return [score.metrics[metric] for score in scores if metric in score.metrics]


def _spreads(scores: Sequence[Score], names: Iterable[str]) -> dict[str, Spread]:
    """Return the named metrics that were measured, those of skip paths, and the training work."""
    found = {name: _values(scores, name) for name in names}
    for key in CHECKED_METRICS:
        checked = [getattr(score.integrity, key, None) for score in scores]
        found[key] = [value for value in checked if value is not None]
    found[WORK] = [ratio for score in scores if (ratio := _work_ratio(score)) is not None]
    spreads = {}
    for name, values in found.items():
        if values:
            deviation = statistics.stdev(values) if len(values) > 1 else None
            mean = statistics.fmean(values)
            spreads[name] = Spread(mean=mean, sd=deviation, seeds=len(values))
    return spreads


def most_seeds(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return variant -> the largest number of seeds of any of its copies.

    counted: (variant, number of seeds) pairs.
    """
    most: dict[str, int] = {}
    for variant, seeds in counted:
        most[variant] = max(seeds, most.get(variant, 0))
    return most


def in_order(outlines: Sequence[RowSummary], sort: str) -> list[RowSummary]:
    """Return the summaries, best first; those without the metric, then the control, come last.

    Names are sorted alphabetically. Seconds, and metrics for which higher is not better, are sorted
    in ascending order.
    """
    metric = known_metrics().get(sort)
    sign = metric.sign if metric else -1

    def key(found: RowSummary) -> tuple[bool, bool, float, str]:
        value = found.means.get(sort)
        missing = value is None and sort != "variant"
        return found.kind == "control", missing, -sign * (value or 0.0), found.label

    return sorted(outlines, key=key)


def seed_row(score: Score, packaged: Packaged) -> SeedRow:
    """Return the row of one SAE with all its measurements."""
    return SeedRow(
        label=label_of(score, packaged),
        seed=score.seed,
        metrics={
            **score.metrics,
            **({} if (ratio := _work_ratio(score)) is None else {WORK: ratio}),
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
    """Return a ratio as short text: 0.3x, 1.0x, 15x."""
    return f"{ratio:.0f}x" if ratio >= 9.95 else f"{ratio:.1f}x"


def _work_ratio(score: Score) -> float | None:
    """Return the training work in units of the reference's; None if it is not known."""
    return score.work.ratio if score.work else None


def _work_in_words(work: Work) -> str:
    took = f"{work.processor_seconds:.2f} s, {work.steps:,} steps, compared with no reference"
    if work.ratio is not None:
        took = (
            f"{times(work.ratio)} that of {work.reference} ({work.processor_seconds:.2f} and "
            f"{work.reference_seconds:.2f} s of processor time, {work.steps:,} steps)"
        )
    return (
        f"{took}, {'trained here' if work.trained_here else 'not trained here'}, file of "
        f"{work.source_bytes:,} bytes, {work.constants_bytes:,} of them constants"
    )


def failure_row(failure: Failure, current: Mapping[str, str], packaged: Packaged) -> FailureRow:
    """Return a failure with its message on one line, shortened and without control characters."""
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
