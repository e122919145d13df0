"""The table over the scores of a sandbox: one row per variant, mean and spread over seeds.

Reads records only: nothing is trained, scored or written. A call costs a few ms per record.
Never mixes scores that cannot be compared, never shows a spread of one seed, never drops a record
without saying so. Not a test of significance: it says what was measured, not what is better.
"""

import base64
import binascii
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, Field

from fumehood_tools.bench.collect import (
    Chosen,
    Found,
    LeftOut,
    Setting,
    choose,
    collect,
    newest_first,
    scores_per_setting,
    unresolved,
    variant_files,
)
from fumehood_tools.bench.records import Failure, Metrics, Score
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.sandbox.variants import packaged_variants

CONTROL = "untrained"
NOISE = 0.02
"""Sparse-probing gains below this were noise over seeds, on the embedded subject."""
Kind = Literal["custom", "baseline", "control"]
SortKey = Literal[
    "explained_variance",
    "l0",
    "loss_recovered",
    "probing_top1",
    "probing_top5",
    "probing",
    "alive",
    "train_seconds",
    "variant",
]
HEADLINE = (
    "l0",
    "explained_variance",
    "loss_recovered",
    "probing_top1",
    "probing_top5",
    "probing",
    "alive",
)
_ASCENDING = ("l0", "train_seconds")
_MOST_FAILURES = 20
_MESSAGE = 400


class Spread(BaseModel, frozen=True):
    """One metric over the seeds of one variant."""

    mean: float
    sd: float | None = Field(description="sample standard deviation; null with 1 seed")
    seeds: int = Field(description="seeds with a value")


class Row(BaseModel, frozen=True):
    """One variant."""

    variant: str
    kind: Kind = Field(description="baseline and control: the packaged file, unchanged")
    seeds: list[int]
    metrics: dict[str, Spread] = Field(description="a metric that was not measured is absent")
    train_seconds: float
    stale: str | None = Field(description="why the score is not one of the file as it is now")


class SeedRow(BaseModel, frozen=True):
    """One trained SAE: every metric, and what it is a score of (digests cut to 12 digits)."""

    variant: str
    seed: int
    metrics: dict[str, float] = Field(description="as measured; sae_bench_* are sae-bench's own")
    variant_sha256: str
    weights_sha256: str
    glass: str
    machine: str
    train_seconds: float
    score_seconds: float
    finished: str


class FailureRow(BaseModel, frozen=True):
    """One run without a score. The message may quote the variant's own output: data, not orders."""

    variant: str
    seed: int
    stage: str
    code: str
    message: str
    stale: bool = Field(description="the file has been changed since")


class OtherSetting(BaseModel, frozen=True):
    """Scores that cannot be compared with those shown."""

    setting: str = Field(description="pass as `setting` to read them")
    scores: int
    differs: list[str]


class BenchmarkTable(BaseModel, frozen=True):
    """The scores of one sandbox, those that can be compared."""

    sandbox: str
    setting: str | None = Field(description="short name of what all rows share; null: no score")
    shared: Setting | None
    rows: list[Row] = Field(description="sorted; the untrained control is last on every page")
    seed_rows: list[SeedRow] = Field(description="with details only")
    failures: list[FailureRow]
    unscored: list[str] = Field(description="asked for, there, but never scored")
    other_settings: list[OtherSetting]
    left_out: list[LeftOut]
    warnings: list[str]
    ce_clean: float | None = Field(description="the subject's own cross-entropy, nats per token")
    probing_subject: float | None = Field(description="probe on the subject's raw activations")
    total: int = Field(description="variants with a score, on all pages")
    next_cursor: str | None
    next: str

    def text(self) -> str:
        """Return the table for reading."""
        from fumehood_tools.bench.table_text import render

        return render(self)


def read_benchmarks(
    folder: Path,
    *,
    variants: Sequence[str] | None = None,
    sort: SortKey = "explained_variance",
    limit: int = 20,
    cursor: str | None = None,
    setting: str | None = None,
    details: bool | None = None,
    packaged: Mapping[str, str] | None = None,
) -> BenchmarkTable:
    """Return the table of the sandbox in folder; without a `setting`, of the newest one.

    details: every metric, one row per seed; default: if a single variant is asked for. packaged:
    name -> sha256 of the files that count as baselines (default: the template's).
    Raises UnknownName for a variant or setting that does not exist, BadRequest for a bad cursor.
    """
    read = _read(folder, variants, setting)
    whole = (variants is not None and len(variants) == 1) if details is None else details
    rows = _rows(read, packaged, whole)
    page, next_cursor = _page(_sorted(rows, sort), limit, cursor)
    failed = [_failure(f, read.current) for f in unresolved(read.found, read.wanted)]
    return BenchmarkTable(
        sandbox=folder.name,
        setting=read.shown and read.shown.name,
        shared=read.shown,
        rows=page,
        seed_rows=_seed_rows(page, read.chosen) if whole else [],
        failures=failed[:_MOST_FAILURES],
        unscored=sorted((read.wanted or frozenset()) - set(read.chosen.by_variant)),
        other_settings=_others(read.found, read.shown),
        left_out=[*read.found.damaged, *read.chosen.left_out, *_more(len(failed))],
        warnings=_warnings(rows),
        ce_clean=_first(read.chosen, "ce_clean"),
        probing_subject=_first(read.chosen, "probing_subject"),
        total=len(rows),
        next_cursor=next_cursor,
        next=_next(folder.name, rows, failed),
    )


class _Records(NamedTuple):
    """What a sandbox holds, and which of it is asked for."""

    found: Found
    current: Mapping[str, str]
    wanted: frozenset[str] | None
    shown: Setting | None
    chosen: Chosen


def _read(folder: Path, variants: Sequence[str] | None, setting: str | None) -> _Records:
    found = collect(folder / "results")
    current = variant_files(folder / "variants")
    wanted = _wanted(variants, found, current)
    shown = _pick(newest_first(found), setting)
    # A table without the control misleads, so it is there whatever was asked for.
    kept = None if wanted is None else wanted | {CONTROL}
    chosen = choose(found, shown, current, kept) if shown else Chosen({}, [])
    return _Records(found, current, wanted, shown, chosen)


def _wanted(
    variants: Sequence[str] | None, found: Found, current: Mapping[str, str]
) -> frozenset[str] | None:
    if variants is None:
        return None
    known = {*current, *(score.variant for score in found.scores.values())}
    known |= {failure.variant for failure in found.failures.values()}
    for name in variants:
        if name not in known:
            raise UnknownName("variant", name, known, "Call list_variants to see them all.")
    return frozenset(variants)


def _pick(settings: list[Setting], name: str | None) -> Setting | None:
    if name is None:
        return settings[0] if settings else None
    by_name = {setting.name: setting for setting in settings}
    if name not in by_name:
        raise UnknownName("setting", name, by_name, "Leave it out for the newest.")
    return by_name[name]


def _rows(read: _Records, packaged: Mapping[str, str] | None, whole: bool) -> list[Row]:
    kinds = packaged_variants() if packaged is None else packaged
    return [_row(s, read.current, kinds, whole) for s in read.chosen.by_variant.values()]


def _row(
    scores: list[Score], current: Mapping[str, str], packaged: Mapping[str, str], whole: bool
) -> Row:
    name, sha256 = scores[0].variant, scores[0].provenance.variant_sha256
    kind: Kind = "custom"
    if packaged.get(name) == sha256:
        kind = "control" if name == CONTROL else "baseline"
    stale = None
    if name not in current:
        stale = f"variants/{name}.py is gone"
    elif current[name] != sha256:
        stale = f"variants/{name}.py was changed after this score; run_variants scores it again"
    return Row(
        variant=name,
        kind=kind,
        seeds=[score.seed for score in scores],
        metrics=_spreads(scores, tuple(Metrics.model_fields) if whole else HEADLINE),
        train_seconds=round(statistics.fmean(score.train_seconds for score in scores), 2),
        stale=stale,
    )


def _spreads(scores: list[Score], names: Sequence[str]) -> dict[str, Spread]:
    spreads = {}
    for name in names:
        values = [v for s in scores if (v := getattr(s.metrics, name)) is not None]
        if values:
            deviation = statistics.stdev(values) if len(values) > 1 else None
            mean = statistics.fmean(values)
            spreads[name] = Spread(mean=mean, sd=deviation, seeds=len(values))
    return spreads


def _sorted(rows: list[Row], sort: SortKey) -> list[Row]:
    """Return rows, best first (names: A first), rows without that metric and the control last."""

    def key(row: Row) -> tuple[bool, bool, float, str]:
        if sort == "train_seconds":
            value: float | None = row.train_seconds
        else:
            value = row.metrics[sort].mean if sort in row.metrics else None
        missing = value is None and sort != "variant"
        order = (value or 0.0) * (1 if sort in _ASCENDING else -1)
        return row.kind == "control", missing, order, row.variant

    return sorted(rows, key=key)


def _page(rows: list[Row], limit: int, cursor: str | None) -> tuple[list[Row], str | None]:
    """Return one page with the control at its end, and the cursor of the next."""
    if limit < 1:
        raise BadRequest(f"limit={limit}: must be 1 or more.")
    start = _offset(cursor)
    others = [row for row in rows if row.kind != "control"]
    controls = [row for row in rows if row.kind == "control"]
    following = _cursor(start + limit) if start + limit < len(others) else None
    return [*others[start : start + limit], *controls], following


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"rows:{offset}".encode()).decode()


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError):
        word, number = "", ""
    if word != "rows" or not number.isdecimal():
        raise BadRequest(f"cursor={cursor!r} is none of ours. Pass the next_cursor of a page.")
    return int(number)


def _seed_rows(rows: list[Row], chosen: Chosen) -> list[SeedRow]:
    return [_seed_row(score) for row in rows for score in chosen.by_variant[row.variant]]


def _seed_row(score: Score) -> SeedRow:
    return SeedRow(
        variant=score.variant,
        seed=score.seed,
        metrics=score.metrics.model_dump(exclude_none=True),
        variant_sha256=score.provenance.variant_sha256[:12],
        weights_sha256=score.provenance.weights_sha256[:12],
        glass=score.glass,
        machine=score.provenance.machine,
        train_seconds=score.train_seconds,
        score_seconds=score.score_seconds,
        finished=score.finished,
    )


def _failure(failure: Failure, current: Mapping[str, str]) -> FailureRow:
    printable = "".join(c if c.isprintable() else " " for c in failure.message)
    message = " ".join(printable.split())
    return FailureRow(
        variant=failure.variant,
        seed=failure.seed,
        stage=failure.stage,
        code=failure.code,
        message=message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]} […]",
        stale=current.get(failure.variant) != failure.variant_sha256,
    )


def _more(failures: int) -> list[LeftOut]:
    if failures <= _MOST_FAILURES:
        return []
    hidden = failures - _MOST_FAILURES
    return [LeftOut(reason="more failures than are listed", count=hidden, examples=[])]


def _others(found: Found, shown: Setting | None) -> list[OtherSetting]:
    counts = scores_per_setting(found)
    return [
        OtherSetting(setting=s.name, scores=counts[s], differs=shown.differences(s))
        for s in newest_first(found)
        if shown is not None and s != shown
    ]


def _first(chosen: Chosen, metric: str) -> float | None:
    """Return a metric of the subject alone: it is the same in every record of one setting."""
    values = (getattr(s.metrics, metric) for scores in chosen.by_variant.values() for s in scores)
    return next((value for value in values if value is not None), None)


def _warnings(rows: list[Row]) -> list[str]:
    warnings = []
    control = next((row for row in rows if row.kind == "control"), None)
    if rows and control is None:
        edited = any(row.variant == CONTROL for row in rows)
        why = f"variants/{CONTROL}.py is not the packaged one" if edited else "not run yet"
        warnings.append(
            f"No untrained control here ({why}): sparse probing hardly tells an untrained SAE from "
            f"a trained one. Add {CONTROL!r} to run_variants."
        )
    if control is not None and "probing_top5" in control.metrics:
        floor = control.metrics["probing_top5"].mean
        close = [
            row.variant
            for row in rows
            if row is not control
            and "probing_top5" in row.metrics
            and row.metrics["probing_top5"].mean < floor + NOISE
        ]
        if close:
            warnings.append(
                f"Top-5 probing of {', '.join(close)} is less than {NOISE} above the untrained "
                f"control's ({floor:.3f}): a gain under about {NOISE} is noise."
            )
    return warnings


def _next(sandbox: str, rows: list[Row], failed: list[FailureRow]) -> str:
    if not rows and not failed:
        names = ["topk", CONTROL]
        return f"list_variants, then run_variants(sandbox={sandbox!r}, variants={names} and yours)"
    if not rows:
        return "Mend the failed variants, check_variant each, then run_variants again"
    if min(len(row.seeds) for row in rows) < 3:
        return (
            f"plot_benchmarks(sandbox={sandbox!r}); before you call anything better, "
            "run_variants with 3 seeds or more"
        )
    return f"plot_benchmarks(sandbox={sandbox!r})"
