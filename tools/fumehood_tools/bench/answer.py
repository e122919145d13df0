"""A benchmark table as a tool returns it: the same content in few characters.

Numbers have the digits of their metric in the registry (single SAEs one more). What most rows share
is said once, and a field that is absent has its default value. Nothing is computed here except
means that are rounded.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from fumehood_tools.bench.benchmark_table import BenchmarkTable, OtherSetting, columns_of
from fumehood_tools.bench.collect import LeftOut, Setting
from fumehood_tools.bench.table_rows import (
    CHECKED_METRICS,
    SKIP_MEANING,
    WORK,
    WORK_MEANING,
    FailureRow,
    Kind,
    Row,
    SeedRow,
    Spread,
)
from fumehood_tools.kinds import SAE
from fumehood_tools.registry.kinds import known_metrics

_OTHERS = 1
"""Decimal places of seconds, and of work as a multiple."""
_SIGNIFICANT = 4
"""Significant digits of what is not a metric: checks, and results of a comparison."""
_DIGEST = 12
_Shared = TypeVar("_Shared", bound=Hashable)


class Common(BaseModel, frozen=True):
    """What rows share: a row has one of these fields only if its value is another one."""

    seeds: list[int] = []
    glass: list[str] = []
    machine: str = ""


class AnswerRow(BaseModel, frozen=True):
    """One variant, or a copy of it with other parameters."""

    label: str
    variant: str = Field("", description="absent: the label")
    parameters: dict[str, Any] = {}
    kind: Kind = "custom"
    seeds: list[int] = []
    metrics: dict[str, list[float]] = Field(
        description="mean over seeds, then, with 2 seeds or more, their sample s.d.; absent: not "
        "measured"
    )
    measured: dict[str, int] = Field({}, description="seeds with a value, where some have none")
    train_seconds: float
    change: str | None = None
    tries: list[str] = Field([], description="copies with fewer seeds, on the way to a target L0")
    elsewhere: bool = Field(
        False, description="not trained here: TRAIN = False, or constants from elsewhere"
    )
    stale: str | None = Field(None, description="why it is not a score of the current file")
    skip: bool = Field(False, description="has a skip path; the metrics exclude it")
    nonlinear: bool = Field(False, description="has a nonlinear decoder")
    glass: list[str] = []


class AnswerSeed(BaseModel, frozen=True):
    """One trained SAE with every metric; digests are cut to 12 digits."""

    label: str
    seed: int
    metrics: dict[str, float]
    integrity: dict[str, Any]
    variant_sha256: str
    weights_sha256: str
    glass: list[str] = []
    machine: str = ""
    train_seconds: float
    score_seconds: float
    finished: str


class TableAnswer(BaseModel, frozen=True):
    """The scores of one sandbox that can be compared with each other."""

    sandbox: str
    setting: str | None = None
    warnings: list[str] = Field([], description="those that matter most first")
    shared: Setting | None = None
    common: Common = Common()
    rows: list[AnswerRow]
    columns: dict[str, str] = Field(
        {}, description="metric -> how it is measured; a row has its mean, then its s.d. over seeds"
    )
    seed_rows: list[AnswerSeed] = []
    definitions: dict[str, str] = {}
    changes: dict[str, str] = {}
    controls: list[str] = []
    controls_ok: bool | None = None
    failures: list[FailureRow] = []
    unscored: list[str] = []
    other_settings: list[OtherSetting] = []
    left_out: list[LeftOut] = []
    subject: dict[str, float] = {}
    total: int
    next_cursor: str | None
    next: str


def answer_of(table: BenchmarkTable) -> TableAnswer:
    """Return the table as a tool's answer."""
    common = Common(
        seeds=list(_usual(tuple(row.seeds) for row in table.rows) or ()),
        glass=list(_usual(tuple(row.glass) for row in table.rows) or ()),
        machine=_usual(row.machine for row in table.seed_rows) or "",
    )
    folded = dict(table.tries)
    as_they_are = {"sandbox", "setting", "warnings", "definitions", "changes", "controls"}
    as_they_are |= {"controls_ok", "failures", "unscored", "other_settings", "left_out", "total"}
    same = {name: getattr(table, name) for name in {*as_they_are, "next_cursor", "next"}}
    rows = [_row(row, common, folded.pop(row.variant, [])) for row in table.rows]
    same["definitions"] = {**table.definitions, **_defined(rows)}
    if table.kind != SAE.name and any(row.skip for row in rows):
        same["definitions"]["skip"] = SKIP_MEANING[table.kind]
    return TableAnswer(
        shared=table.shared and _with_short_digests(table.shared),
        common=common,
        rows=rows,
        columns=_columns(table.rows, table.kind),
        seed_rows=[_seed_row(row, common) for row in table.seed_rows],
        subject={key: _rounded(key, value) for key, value in table.subject.items()},
        **same,
    )


def _defined(rows: Sequence[AnswerRow]) -> dict[str, str]:
    """Return the meaning of the fields that some rows have, and that no column explains."""
    return {
        name: field.description
        for name, field in AnswerRow.model_fields.items()
        if field.description and not field.is_required() and name != "variant"
        if any(getattr(row, name) != field.default for row in rows)
    }


def _columns(rows: Sequence[Row], kind: str) -> dict[str, str]:
    """Return metric -> how it is measured, for the columns of the table of a kind of sandbox."""
    found = {metric.key: metric.description or metric.legend for metric in columns_of(rows, kind)}
    return {**found, **({WORK: WORK_MEANING} if any(WORK in row.metrics for row in rows) else {})}


def _row(row: Row, common: Common, tries: list[str]) -> AnswerRow:
    """Return a row. tries: of its variant, for the variant's first row."""
    metrics = row.metrics
    return AnswerRow(
        label=row.label,
        variant="" if row.variant == row.label else row.variant,
        parameters=row.parameters,
        kind=row.kind,
        seeds=[] if row.seeds == common.seeds else row.seeds,
        metrics={key: _mean_and_sd(key, found) for key, found in metrics.items()},
        measured={key: s.seeds for key, s in metrics.items() if s.seeds < len(row.seeds)},
        train_seconds=round(row.train_seconds, _OTHERS),
        change=row.change,
        tries=tries,
        elsewhere=row.elsewhere,
        stale=row.stale,
        skip=row.skip,
        nonlinear=row.nonlinear,
        glass=[] if row.glass == common.glass else row.glass,
    )


def _seed_row(row: SeedRow, common: Common) -> AnswerSeed:
    return AnswerSeed(
        label=row.label,
        seed=row.seed,
        metrics={key: _rounded(key, value, more=1) for key, value in row.metrics.items()},
        integrity=significant(row.integrity),
        variant_sha256=row.variant_sha256,
        weights_sha256=row.weights_sha256,
        glass=[] if [row.glass] == common.glass else [row.glass],
        machine="" if row.machine == common.machine else row.machine,
        train_seconds=round(row.train_seconds, _OTHERS),
        score_seconds=round(row.score_seconds, _OTHERS),
        finished=row.finished,
    )


def _mean_and_sd(key: str, found: Spread) -> list[float]:
    return [_rounded(key, value) for value in (found.mean, found.sd) if value is not None]


def _rounded(key: str, value: float, more: int = 0) -> float:
    """Return a value with the digits of its metric. more: further digits."""
    metric = known_metrics().get(key) or CHECKED_METRICS.get(key)
    return round(value, (metric.digits if metric else _OTHERS) + more)


def significant(found: Any) -> Any:
    """Return JSON-like content with its numbers cut to four significant digits."""
    if isinstance(found, float):
        return float(f"{found:.{_SIGNIFICANT}g}")
    if isinstance(found, Mapping):
        return {key: significant(value) for key, value in found.items()}
    return [significant(value) for value in found] if isinstance(found, list | tuple) else found


def _usual(values: Iterable[_Shared]) -> _Shared | None:
    """Return the most frequent value; None without any."""
    counts = Counter(values).most_common(1)
    return counts[0][0] if counts else None


def _with_short_digests(shared: Setting) -> Setting:
    names: Sequence[str] = ("data", "settings", "template", "evaluator")
    return shared.model_copy(update={name: getattr(shared, name)[:_DIGEST] for name in names})
