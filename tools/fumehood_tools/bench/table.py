"""Read the benchmark table of a sandbox: one row per variant, mean and spread over seeds.

Only reads records: nothing is trained, scored or written. A call costs a few ms per record.
Scores that cannot be compared are never mixed, no record is dropped without saying so, and records
without a valid receipt are not shown. This is not a test of significance: `compare_variants` says
which variants are better.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.bench.benchmark_table import BenchmarkTable, OtherSetting
from fumehood_tools.bench.changes import CHANGE, Change, changes
from fumehood_tools.bench.collect import (
    CONTROL,
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
    OTHER_ORDERS,
    Kind,
    Row,
    RowSummary,
    SeedRow,
    Spread,
    failure_row,
    in_order,
    kind_of,
    most_seeds,
    outline,
    row,
    seed_row,
)
from fumehood_tools.bench.which_setting import Again, again, pick_setting
from fumehood_tools.cursors import cursor_of, offset_of
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.receipts import state_of
from fumehood_tools.records.labelling import Packaged, label_of, name_of
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.registry.kinds import known_metrics
from fumehood_tools.registry.lookup import chosen_metrics
from fumehood_tools.registry.sae_metrics import QUALITY, SPARSITY
from fumehood_tools.sandbox.variants import packaged_in

__all__ = [
    "BenchmarkTable",
    "Kind",
    "Row",
    "Spread",
    "read_benchmarks",
]

MOST_FAILURES = 20


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
    """Return the table of the sandbox in folder, for one setting (default: see `which_setting`).

    details: every metric, one row per seed, and rows for tries on the way to a target L0; by
    default only if a single variant is requested.
    packaged: name -> sha256 of the files that count as baselines (default: the template's).
    shelf: the workspace's cache of records, for a process that reads more than once (default: an
    empty one). Raises UnknownName for a variant, setting or metric that does not exist, BadRequest
    for a bad cursor.
    """
    kinds = packaged_in(folder) if packaged is None else packaged
    read = _read(folder, variants, setting, shelf or Shelf(state_of(folder)), kinds)
    # Only now, because records may declare metrics of their own.
    if sort not in OTHER_ORDERS and sort not in (metrics := known_metrics()):
        raise UnknownName("order", sort, [*OTHER_ORDERS, *metrics], "Sort by one of these.")
    whole = (variants is not None and len(variants) == 1) if details is None else details
    outlines = [outline(scores, kinds, sort) for scores in read.chosen.by_label.values()]
    shown = outlines if whole else _without_tries(outlines, frozenset(variants or ()))
    asked = bool(variants) and all(one.kind == "control" for one in shown)
    page = _page(in_order(shown, sort), limit, cursor, whole, asked)
    judged = changes(read.whole.by_label, page.labels)
    rows = [
        row(scores, read.current, kinds, judged.get(name), whole and _is_detailed(scores, read))
        for name in page.labels
        for scores in [read.chosen.by_label[name]]
    ]
    found = _table(folder.name, read, shown, page, rows, judged if whole else None)
    seeds, hidden = _details(rows, read, limit) if whole else ([], [])
    more = {"tries": _tries(outlines, shown, rows), "seed_rows": seeds}
    return found.model_copy(update={**more, "left_out": [*found.left_out, *hidden]})


class _Records(NamedTuple):
    """The records of a sandbox, and the selection that was requested."""

    found: SandboxRecords
    current: Mapping[str, str]
    wanted: frozenset[str] | None
    settings: Mapping[Setting, int]
    shown: Setting | None
    again: Again
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
    failed, there = unresolved(found, packaged), again(shown, list(settings), folder)
    return _Records(
        found,
        current,
        wanted,
        settings,
        shown,
        there,
        chosen,
        whole,
        judge_controls(
            whole.controls,
            [f for f in failed if f.control],
            whole.by_label,
            folder.name,
            there.training,
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
        seed_rows=[],
        changes={name: change.text() for name, change in (judged or {}).items()},
        definitions={"change": CHANGE} if any(row.kind == "custom" for row in rows) else {},
        controls=controls.text().splitlines() if controls else [],
        controls_ok=controls.ok if controls else None,
        failures=[failure_row(f, read.current, read.packaged) for f in failed[:MOST_FAILURES]],
        unscored=_unscored(read),
        other_settings=_others(read.settings, read.shown),
        left_out=[*read.found.damaged, *read.chosen.left_out, *_more(len(failed))],
        warnings=warnings_of(outlines, read.found, read.again, read.chosen.borrowed),
        subject=_of_subject(read.chosen),
        total=len(outlines),
        next_cursor=page.next_cursor,
        next=next_step(sandbox, outlines, failed, read.again),
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


def _page(
    rows: Sequence[RowSummary], limit: int, cursor: str | None, whole: bool, asked: bool
) -> _Page:
    """Return one page, which ends with the control, and the cursor of the next page.

    whole: the page shows every seed, so that `limit` counts them: it has one row at least, and
    ends before the row with which it would have more seeds. asked: the control is what was asked
    for, so that its rows are on pages like others.
    """
    if limit < 1:
        raise BadRequest(f"limit={limit} is too small. Pass 1 or more.")
    start = offset_of(cursor, "rows")
    others = [row for row in rows if row.kind != "control" or asked]
    controls = [row for row in rows if row.kind == "control" and not asked]
    end = start + limit
    if whole:
        seeds = list(accumulate(row.seeds for row in others[start:end]))
        end = start + max(1, sum(count <= limit for count in seeds))
    following = cursor_of("rows", end) if end < len(others) else None
    shown = [*others[start:end], *controls]
    return _Page([row.label for row in shown], following)


def _details(rows: list[Row], read: _Records, limit: int) -> tuple[list[SeedRow], list[LeftOut]]:
    """Return a row for each seed of the rows, at most `limit`, and how many are left out."""
    scores = [
        score
        for row in rows
        for score in read.chosen.by_label[row.label]
        if _is_detailed([score], read)
    ]
    found = [seed_row(score, read.packaged) for score in scores[:limit]]
    if len(scores) <= limit:
        return found, []
    more = len(scores) - limit
    reason = f"seeds without a row of their own, as limit is {limit}: pass a larger one"
    return found, [LeftOut(reason=reason, count=more, examples=[])]


def _is_detailed(scores: Sequence[Score], read: _Records) -> bool:
    """Whether details of a row are wanted: a control stands on each page, so it is in short.

    Unless it was asked for by its name.
    """
    if kind_of(scores[0], read.packaged) != "control":
        return True
    names = {name_of(scores[0], read.packaged), label_of(scores[0], read.packaged)}
    return bool(names & (read.wanted or frozenset()))


def _more(failures: int) -> list[LeftOut]:
    if failures <= MOST_FAILURES:
        return []
    hidden = failures - MOST_FAILURES
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
