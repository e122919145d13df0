"""What a reader of a benchmark table must be told besides the numbers, and what to call next."""

from collections.abc import Sequence

from fumehood_tools.bench.collect import SandboxRecords
from fumehood_tools.bench.table_rows import CONTROL, RowSummary, most_seeds
from fumehood_tools.records.labelling import edited
from fumehood_tools.records.scores import Failure
from fumehood_tools.registry.lookup import chosen_metrics
from fumehood_tools.registry.metrics import Metric

_NAMED, _NAMED_AS_NOISE = 3, 10
WEAK = "rlimits"


def warnings_of(rows: Sequence[RowSummary], found: SandboxRecords) -> list[str]:
    """Return the warnings of a table, those about missing receipts first."""
    return [*warnings_about_trust(rows, found), *_brought_along(rows), *_noise(rows)]


def warnings_about_trust(rows: Sequence[RowSummary], found: SandboxRecords) -> list[str]:
    """Return those that hold for any use of the scores, the ones about missing receipts first."""
    return [*_receipts(found), *_weak_glass(rows), *_missing_control(rows)]


def next_step(sandbox: str, rows: Sequence[RowSummary], failed: Sequence[Failure]) -> str:
    """Return what to call next."""
    if not rows and not failed:
        names = ["topk", CONTROL]
        return f"list_variants, then run_variants(sandbox={sandbox!r}, variants={names} and yours)"
    if not rows:
        return "Fix the failed variants, check_variant each, then run_variants again"
    if _fewest_seeds(rows) < 3:
        return (
            f"plot_benchmarks(sandbox={sandbox!r}); before you call anything better, "
            "run_variants with 3 seeds or more"
        )
    return f"compare_variants(sandbox={sandbox!r}), plot_benchmarks(sandbox={sandbox!r})"


def _fewest_seeds(rows: Sequence[RowSummary]) -> int:
    """Return the seeds of the variant with the fewest; of its copies, the one with most counts."""
    return min(most_seeds((row.variant, row.seeds) for row in rows).values())


def _receipts(found: SandboxRecords) -> list[str]:
    warnings = []
    if found.deleted:
        warnings.append(
            f"Receipts of this sandbox were deleted: {len(found.deleted)} "
            f"({_some(found.deleted, _NAMED)}). What is shown may be a choice. "
            "They count among the tries that compare_variants corrects for. fumehood verify names "
            "them all."
        )
    if found.withdrawn:
        warnings.append(
            f"Receipts of this sandbox were withdrawn: {len(found.withdrawn)} "
            f"({_some(found.withdrawn, _NAMED)}). What is shown may be a choice; they count among "
            "the tries that compare_variants corrects for."
        )
    if gone := found.evaluations_gone:
        warnings.append(
            f"Evaluations of this sandbox were deleted or withdrawn: {len(gone)} "
            f"({_some(gone, _NAMED)}). What is shown of them may be a choice."
        )
    if found.broken:
        warnings.append(f"{found.broken[0].upper()}{found.broken[1:]}: run fumehood verify.")
    return warnings


def _weak_glass(rows: Sequence[RowSummary]) -> list[str]:
    weak = [row.label for row in rows if WEAK in row.glass and row.kind == "custom"]
    if not weak:
        return []
    return [
        f"Scored at level {WEAK}: {_some(weak, _NAMED)}. There a variant can read "
        "files, the evaluation split too. fumehood doctor says how to get a stronger glass; "
        "limits.glass in sandbox.toml demands one."
    ]


def _missing_control(rows: Sequence[RowSummary]) -> list[str]:
    if not rows or any(row.kind == "control" for row in rows):
        return []
    changed = any(row.variant == edited(CONTROL) for row in rows)
    why = f"variants/{CONTROL}.py is not the packaged one" if changed else "not run yet"
    return [
        f"No untrained control here ({why}): sparse probing hardly tells an untrained SAE from "
        f"a trained one. Add {CONTROL!r} to run_variants."
    ]


def _brought_along(rows: Sequence[RowSummary]) -> list[str]:
    elsewhere = [row.label for row in rows if row.elsewhere and row.kind != "control"]
    if not elsewhere:
        return []
    return [
        f"Not trained here: {_some(elsewhere, _NAMED)}. The file says TRAIN = False or brings "
        "constants that were computed elsewhere: its scores say nothing about training by these "
        "rules, and get no verdict. check_variant says which of the two it is."
    ]


def _noise(rows: Sequence[RowSummary]) -> list[str]:
    """Return what is no better than the control by more than noise, a line per metric."""
    metrics = chosen_metrics(lambda metric: metric.over_control is not None)
    control = next((row for row in rows if row.kind == "control"), None)
    if control is None:
        return []
    return [
        line
        for metric in metrics
        if metric.key in control.means
        for line in _near_control(metric, control.means[metric.key], rows)
    ]


def _near_control(metric: Metric, floor: float, rows: Sequence[RowSummary]) -> list[str]:
    least = metric.over_control or 0.0
    close = [
        row.label
        for row in rows
        if row.kind != "control"
        and metric.key in row.means
        and metric.sign * (row.means[metric.key] - floor) < least
    ]
    if not close:
        return []
    name = metric.words[0].upper() + metric.words[1:]
    where = "above" if metric.sign > 0 else "below"
    return [
        f"{name} of {_some(close, _NAMED_AS_NOISE)} is less than {least} {where} the untrained "
        f"control's ({floor:.3f}): a gain under about {least} is noise."
    ]


def _some(names: Sequence[str], most: int) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
