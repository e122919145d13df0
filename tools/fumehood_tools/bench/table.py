"""Read the benchmark table of a sandbox: one row per variant, mean and spread over seeds.

Only reads records: nothing is trained, scored or written. A call costs a few ms per record.
Scores that cannot be compared are never mixed, no record is dropped without saying so, and records
without a valid receipt are not shown. This is not a test of significance: `compare_variants` says
which variants are better.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.bench.benchmark_table import BenchmarkTable, OtherSetting
from fumehood_tools.bench.changes import CHANGE, Change, changes
from fumehood_tools.bench.collect import (
    Chosen,
    LeftOut,
    SandboxRecords,
    Setting,
    choose,
    settings_of,
    unresolved,
)
from fumehood_tools.bench.controls import ControlReport, judge_controls
from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table_notes import next_step, warnings_of
from fumehood_tools.bench.table_rows import (
    CONTROL,
    OTHER_ORDERS,
    Kind,
    Row,
    RowSummary,
    SeedRow,
    Spread,
    failure_row,
    in_order,
    most_seeds,
    outline,
    row,
    seed_row,
)
from fumehood_tools.cursors import cursor_of, offset_of
from fumehood_tools.errors import BadRequest, StorageFailed, UnknownName
from fumehood_tools.receipts import state_of
from fumehood_tools.records.labelling import Packaged, label_of, name_of
from fumehood_tools.records.scores import Failure
from fumehood_tools.registry.kinds import known_metrics
from fumehood_tools.registry.lookup import chosen_metrics
from fumehood_tools.registry.sae_metrics import QUALITY, SPARSITY
from fumehood_tools.sandbox.create import SPEC_FILE
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.spec import deciding_values, read_spec

__all__ = [
    "BenchmarkTable",
    "Kind",
    "Row",
    "Spread",
    "read_benchmarks",
]

_MOST_FAILURES = 20


def read_benchmarks(
    folder: Path,
    *,
    variants: Sequence[str] | None = None,
    sort: str = QUALITY,
    limit: int = 20,
    cursor: str | None = None,
    setting: str | None = None,
    details: bool | None = None,
    packaged: Mapping[str, str] | None = None,
    shelf: Shelf | None = None,
) -> BenchmarkTable:
    """Return the table of the sandbox in folder, for one setting (default: see `pick_setting`).

    details: every metric, one row per seed, and rows for tries on the way to a target L0; by
    default only if a single variant is requested.
    packaged: name -> sha256 of the files that count as baselines (default: the template's).
    shelf: the workspace's cache of records, for a process that reads more than once (default: an
    empty one). Raises UnknownName for a variant, setting or metric that does not exist, BadRequest
    for a bad cursor.
    """
    if sort not in OTHER_ORDERS and sort not in (metrics := known_metrics()):
        raise UnknownName("order", sort, [*OTHER_ORDERS, *metrics], "Sort by one of these.")
    kinds = packaged_variants() if packaged is None else packaged
    read = _read(folder, variants, setting, shelf or Shelf(state_of(folder)), kinds)
    whole = (variants is not None and len(variants) == 1) if details is None else details
    outlines = [outline(scores, kinds, sort) for scores in read.chosen.by_label.values()]
    shown = outlines if whole else _without_tries(outlines, frozenset(variants or ()))
    page = _page(in_order(shown, sort), limit, cursor)
    judged = changes(read.whole.by_label, page.labels)
    rows = [
        row(read.chosen.by_label[name], read.current, kinds, judged.get(name), whole)
        for name in page.labels
    ]
    found = _table(folder.name, read, shown, page, rows, judged if whole else None)
    return found.model_copy(update={"tries": _tries(outlines, shown, rows)})


class _Records(NamedTuple):
    """The records of a sandbox, and the selection that was requested."""

    found: SandboxRecords
    current: Mapping[str, str]
    wanted: frozenset[str] | None
    settings: Mapping[Setting, int]
    shown: Setting | None
    chosen: Chosen
    whole: Chosen
    """The same for all variants: needed to judge a requested variant against its parent."""
    controls: ControlReport | None
    failures: list[Failure]
    packaged: Packaged


class _Page(NamedTuple):
    labels: list[str]
    next_cursor: str | None


def _read(
    folder: Path,
    variants: Sequence[str] | None,
    setting: str | None,
    shelf: Shelf,
    packaged: Packaged,
) -> _Records:
    found = shelf.collect(folder / "results")
    current = shelf.variant_files(folder / "variants")
    wanted = _wanted(variants, found, current, packaged)
    settings = settings_of(found)
    shown = pick_setting(list(settings), setting, folder)
    # A table without the untrained control misleads, so it is always included.
    kept = None if wanted is None else wanted | {CONTROL}
    nothing = Chosen({}, [], [])
    chosen = choose(found, shown, current, kept, packaged) if shown else nothing
    whole = choose(found, shown, current, None, packaged) if shown and kept is not None else chosen
    failed = unresolved(found, packaged)
    return _Records(
        found,
        current,
        wanted,
        settings,
        shown,
        chosen,
        whole,
        judge_controls(
            whole.controls, [f for f in failed if f.control], whole.by_label, folder.name
        ),
        [f for f in failed if not f.control and (wanted is None or f.variant in wanted)],
        packaged,
    )


def _table(
    sandbox: str,
    read: _Records,
    outlines: Sequence[RowSummary],
    page: _Page,
    rows: list[Row],
    judged: Mapping[str, Change] | None,
) -> BenchmarkTable:
    """Return the table of one page. judged: what its changes did, or None without details."""
    failed, controls = read.failures, read.controls
    return BenchmarkTable(
        sandbox=sandbox,
        setting=read.shown and read.shown.name,
        shared=read.shown,
        rows=rows,
        seed_rows=[] if judged is None else _seed_rows(rows, read),
        changes={name: change.text() for name, change in (judged or {}).items()},
        definitions={"change": CHANGE} if any(row.kind == "custom" for row in rows) else {},
        controls=controls.text().splitlines() if controls else [],
        controls_ok=controls.ok if controls else None,
        failures=[failure_row(f, read.current, read.packaged) for f in failed[:_MOST_FAILURES]],
        unscored=_unscored(read),
        other_settings=_others(read.settings, read.shown),
        left_out=[*read.found.damaged, *read.chosen.left_out, *_more(len(failed))],
        warnings=warnings_of(outlines, read.found),
        subject=_of_subject(read.chosen),
        total=len(outlines),
        next_cursor=page.next_cursor,
        next=next_step(sandbox, outlines, failed),
    )


def _without_tries(outlines: Sequence[RowSummary], named: frozenset[str]) -> list[RowSummary]:
    """Return the rows without steps on the way to a target L0.

    These have fewer seeds than a verdict needs, and than another copy of the same variant. named:
    labels that were requested, which are never left out.
    """
    most = most_seeds((one.variant, one.seeds) for one in outlines)
    return [
        one
        for one in outlines
        if one.seeds >= min(most[one.variant], LEAST_SEEDS) or one.label in named
    ]


def _tries(
    outlines: Sequence[RowSummary], shown: Sequence[RowSummary], rows: Sequence[Row]
) -> dict[str, list[str]]:
    """Return variant -> its tries without a row of their own, for the variants in `rows`."""
    there, shown_labels = {row.variant for row in rows}, {one.label for one in shown}
    found: dict[str, list[str]] = {}
    for one in in_order(outlines, SPARSITY):
        if one.variant in there and one.label not in shown_labels:
            found.setdefault(one.variant, []).append(
                f"{one.parameters or 'as written'}: L0 {one.means[SPARSITY]:.1f}"
            )
    return found


def _wanted(
    variants: Sequence[str] | None,
    found: SandboxRecords,
    current: Mapping[str, str],
    packaged: Packaged,
) -> frozenset[str] | None:
    if variants is None:
        return None
    known = {*current, *(score.variant for score in found.scores.values())}
    known |= {failure.variant for failure in found.failures.values()}
    for score in found.scores.values():
        known |= {name_of(score, packaged), label_of(score, packaged)}
    for name in variants:
        if name not in known:
            raise UnknownName("variant", name, known, "Call list_variants to see them all.")
    return frozenset(variants)


def _unscored(read: _Records) -> list[str]:
    names = {score.variant for scores in read.chosen.by_label.values() for score in scores}
    names |= {name_of(scores[0], read.packaged) for scores in read.chosen.by_label.values()}
    return sorted((read.wanted or frozenset()) - names - set(read.chosen.by_label))


def pick_setting(settings: list[Setting], name: str | None, folder: Path) -> Setting | None:
    """Return the setting with that name; for None, the usual one. Raises UnknownName.

    The usual one is the newest that was trained as the sandbox.toml in `folder` says: a run with
    another learning rate, for a comparison, must not take the place of what it is compared with.
    Without such a setting it is the newest.
    """
    if name is None:
        own = _training_of(folder)
        usual = (one for one in settings if own and own.items() <= dict(one.values).items())
        return next(usual, settings[0] if settings else None)
    by_name = {setting.name: setting for setting in settings}
    if name not in by_name:
        raise UnknownName("setting", name, by_name, "Omit `setting` for the usual one.")
    return by_name[name]


def _training_of(folder: Path) -> dict[str, str]:
    """Return the values of [training] in a sandbox's sandbox.toml as settings hold them.

    Empty if the file is missing or invalid: then only its tables can be read, nothing can be run.
    """
    try:
        spec = read_spec(folder / SPEC_FILE)
    except (BadRequest, StorageFailed):
        return {}
    found = deciding_values(spec.model_dump(mode="json"))
    return {key: str(value) for key, value in found.items() if key.startswith("training.")}


def _page(rows: Sequence[RowSummary], limit: int, cursor: str | None) -> _Page:
    """Return one page, which ends with the control, and the cursor of the next page."""
    if limit < 1:
        raise BadRequest(f"limit={limit} is too small. Pass 1 or more.")
    start = offset_of(cursor, "rows")
    others = [row for row in rows if row.kind != "control"]
    controls = [row for row in rows if row.kind == "control"]
    following = cursor_of("rows", start + limit) if start + limit < len(others) else None
    shown = [*others[start : start + limit], *controls]
    return _Page([row.label for row in shown], following)


def _seed_rows(rows: list[Row], read: _Records) -> list[SeedRow]:
    by_label = read.chosen.by_label
    return [seed_row(score, read.packaged) for row in rows for score in by_label[row.label]]


def _more(failures: int) -> list[LeftOut]:
    if failures <= _MOST_FAILURES:
        return []
    hidden = failures - _MOST_FAILURES
    return [LeftOut(reason="failures not listed, as there are too many", count=hidden, examples=[])]


def _others(settings: Mapping[Setting, int], shown: Setting | None) -> list[OtherSetting]:
    return [
        OtherSetting(setting=s.name, scores=count, differs=shown.differences(s))
        for s, count in settings.items()
        if shown is not None and s != shown
    ]


def _of_subject(chosen: Chosen) -> dict[str, float]:
    """Return the metrics of the subject without an SAE, equal in all records of a setting."""
    scores = [score for scores in chosen.by_label.values() for score in scores]
    metrics = chosen_metrics(lambda metric: metric.source == "subject")
    found = {
        metric.key: next((s.metrics[metric.key] for s in scores if metric.key in s.metrics), None)
        for metric in metrics
    }
    return {key: value for key, value in found.items() if value is not None}
