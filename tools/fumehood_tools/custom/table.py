"""The benchmark table of a custom sandbox, in the form that read_benchmarks has for every sandbox.

Light: reads records. One row per version of a variant's file, with the metrics that sandbox.toml
declares. Nothing is tested here: compare_variants says which variants are better.
"""

from collections.abc import Sequence

from fumehood_tools.bench.answer import (
    AnswerRow,
    AnswerSeed,
    Common,
    TableAnswer,
    significant,
)
from fumehood_tools.bench.benchmark_table import OtherSetting, align, failure_lines
from fumehood_tools.bench.table import MOST_FAILURES
from fumehood_tools.bench.table_rows import FailureRow, failure_row
from fumehood_tools.cursors import cursor_of, offset_of
from fumehood_tools.custom.scored import (
    CustomScores,
    Version,
    mean_and_sd,
    scores_of,
    variant_sha256,
)
from fumehood_tools.custom.sealed import custom_of, is_pinned
from fumehood_tools.errors import UnknownName
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.variants import variant_names
from fumehood_tools.settings import Settings
from fumehood_tools.spec import CustomMetric

LIST = "custom scores"
_BY_NAME = "variant"
_DIGEST = 12
STALE = "its file has changed since"


def custom_table(
    settings: Settings,
    box: Sandbox,
    *,
    variants: Sequence[str] | None = None,
    sort: str = QUALITY,
    details: bool | None = None,
    setting: str | None = None,
    limit: int = 20,
    cursor: str | None = None,
) -> TableAnswer:
    """Return the table. sort: a declared metric, best first, or "variant"; QUALITY: the headline.

    details: one row per seed, too; default: for one variant. setting: as in `scores_of`. Controls
    are always shown. Raises UnknownName for a variant, metric or setting that does not exist.
    """
    scores = scores_of(settings, box, setting)
    chosen = _chosen(box, scores, variants)
    start = offset_of(cursor, LIST)
    page = _in_order(box, chosen, sort)[start : start + limit]
    is_whole = details if details is not None else variants is not None and len(variants) == 1
    metrics = custom_of(box).metrics
    more = start + limit < len(chosen)
    glass = sorted({str(one["glass"]) for version in page for one in version.scores.values()})
    seeds = [seed for version in page for seed in _seed_rows(version)] if is_whole else []
    unscored = [name for name in variant_names(box) if name not in scores.current()]
    return TableAnswer(
        sandbox=box.name,
        setting=f"sealed {scores.sealed[:_DIGEST]}",
        warnings=_warnings(settings, box, scores),
        common=Common(glass=glass),
        rows=[_row(version, metrics) for version in page],
        columns={metric.name: words_about(metric) for metric in metrics},
        seed_rows=seeds[:limit],
        failures=failure_rows(box, scores, variants),
        unscored=unscored if variants is None else [],
        other_settings=[
            OtherSetting(setting=f"sealed {digest[:_DIGEST]}", scores=count, differs=[_OTHER])
            for digest, count in scores.others.items()
        ],
        total=len(chosen),
        next_cursor=cursor_of(LIST, start + limit) if more else None,
        next=_next(box, scores),
    )


def failure_rows(
    box: Sandbox, scores: CustomScores, variants: Sequence[str] | None = None
) -> list[FailureRow]:
    """Return the failed runs without a later score, newest file or not. variants: None for all."""
    failed = [one for one in scores.unresolved() if variants is None or one.variant in variants]
    current = {name: variant_sha256(box, name) for name in {one.variant for one in failed}}
    return [failure_row(one, current, {}) for one in failed[:MOST_FAILURES]]


_OTHER = "sealed files (interface, inputs, evaluation, [custom] or subject): another evaluator"


def table_text(table: TableAnswer) -> str:
    """Return the table as text."""
    head = f"{table.sandbox}: {table.total} rows, {table.setting}."
    lines = [head, *(f"! {warning}" for warning in table.warnings)]
    if table.rows:
        names = list(table.columns)
        grid = [["variant", "seeds", *names]]
        for row in table.rows:
            marks = f"{'*' * bool(row.stale)}{'' if row.kind == 'custom' else f' ({row.kind})'}"
            values = [_cell(row.metrics.get(name)) for name in names]
            grid.append([f"{row.label}{marks}", str(len(row.seeds)), *values])
        lines += ["", *align(grid), ""]
        lines += [f"{name}: {words}." for name, words in table.columns.items()]
        lines += [f"*: {STALE}."] * any(row.stale for row in table.rows)
    for seed in table.seed_rows:
        values = [f"{name} {value:.5g}" for name, value in seed.metrics.items()]
        lines.append(f"{seed.label} seed {seed.seed}: {', '.join(values)}; {seed.finished}")
    lines += failure_lines(table.failures)
    lines += [f"no score yet: {', '.join(table.unscored)}"] * bool(table.unscored)
    lines += [f"{one.scores} scores in {one.setting!r}" for one in table.other_settings]
    lines += [f"more: cursor={table.next_cursor!r}"] * bool(table.next_cursor)
    return "\n".join([*lines, f"Next: {table.next}"])


def _cell(found: list[float] | None) -> str:
    return "-" if not found else " ±".join(f"{value:.4g}" for value in found)


def _chosen(box: Sandbox, scores: CustomScores, variants: Sequence[str] | None) -> list[Version]:
    if variants is None:
        return scores.versions
    known = {version.variant for version in scores.versions} | set(variant_names(box))
    for name in variants:
        if name not in known:
            raise UnknownName("variant", name, sorted(known), "See list_variants.")
    return [one for one in scores.versions if one.variant in variants or one.kind == "control"]


def _in_order(box: Sandbox, versions: Sequence[Version], sort: str) -> list[Version]:
    custom = custom_of(box)
    key = custom.headline if sort == QUALITY else sort
    declared = {metric.name: metric for metric in custom.metrics}
    by_name = sorted(versions, key=lambda one: one.label)
    if key == _BY_NAME:
        return by_name
    if key not in declared:
        raise UnknownName("order", key, [*declared, _BY_NAME], "Sort by one of these.")
    sign = 1.0 if declared[key].better == "lower" else -1.0
    return sorted(by_name, key=lambda one: sign * mean_and_sd(one.values(key).values())[0])


def _row(version: Version, metrics: Sequence[CustomMetric]) -> AnswerRow:
    records = list(version.scores.values())
    spread = {one.name: mean_and_sd(version.values(one.name).values()) for one in metrics}
    return AnswerRow(
        label=version.label,
        variant="" if version.label == version.variant else version.variant,
        kind=version.kind,
        seeds=sorted(version.scores),
        metrics={
            name: [significant(value) for value in found if value is not None]
            for name, found in spread.items()
        },
        train_seconds=round(mean_and_sd(one["seconds"][0] for one in records)[0], 1),
        elsewhere=version.kind == "control",
        stale=STALE if version.stale else None,
    )


def _seed_rows(version: Version) -> list[AnswerSeed]:
    return [
        AnswerSeed(
            label=version.label,
            seed=seed,
            metrics=significant(record["metrics"]),
            integrity={},
            variant_sha256=record["variant_sha256"][:_DIGEST],
            weights_sha256=record["produced_sha256"][:_DIGEST],
            train_seconds=record["seconds"][0],
            score_seconds=record["seconds"][1],
            finished=record["written"],
        )
        for seed, record in sorted(version.scores.items())
    ]


def words_about(metric: CustomMetric) -> str:
    """Return in words which direction of a metric is better."""
    if metric.better == "none":
        return "only shown; neither more nor less of it is better"
    return f"{metric.better} is better; differences under {metric.smallest:g} count as none"


def _warnings(settings: Settings, box: Sandbox, scores: CustomScores) -> list[str]:
    found = [f"evaluated by this sandbox's own code, sha256 {scores.sealed}"]
    if not is_pinned(settings.state, box, scores.sealed):
        found.append("no reviewer has pinned this code")
    return found + [f"left out: {place}: {why}" for place, why in scores.records.broken.items()]


def _next(box: Sandbox, scores: CustomScores) -> str:
    tested = [version for version in scores.versions if version.kind != "control"]
    if len(tested) > 1:
        return f"compare_variants(sandbox={box.name!r}), or plot_benchmarks"
    return f"run_variants(sandbox={box.name!r}, variants=[…]) with a baseline and three seeds"
