"""The warnings printed with a benchmark table, and the suggested next call.

The warnings that decide whether any row means something come first: missing receipts, too few
seeds, and an untrained control that does better than trained variants.
"""

from collections.abc import Sequence

from fumehood_tools.bench.collect import CONTROL, SandboxRecords
from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.bench.table_rows import RowSummary, most_seeds
from fumehood_tools.bench.which_setting import Again
from fumehood_tools.records.labelling import edited
from fumehood_tools.records.levels import SAME_L0
from fumehood_tools.records.scores import Failure
from fumehood_tools.registry.lookup import chosen_metrics
from fumehood_tools.registry.metrics import Metric

_NAMED, _NAMED_AS_NOISE = 3, 10
WEAK = "rlimits"


def warnings_of(
    rows: Sequence[RowSummary], found: SandboxRecords, again: Again, borrowed: str | None
) -> list[str]:
    """Return all warnings of a table, those that matter most first.

    again: how the setting is reached. borrowed: see `collect.Chosen`.
    """
    return [
        *_receipts(found),
        *_few_seeds(rows),
        *_control_ahead(rows),
        *_weak_glass(rows),
        *_about_control(rows, again, borrowed),
        *_changed(again),
        *_apart(rows),
        *_brought_along(rows),
        *_noise(rows),
    ]


def warnings_about_trust(
    rows: Sequence[RowSummary], found: SandboxRecords, again: Again, borrowed: str | None
) -> list[str]:
    """Return the warnings that apply to any use of the scores: receipts, isolation, no control."""
    about = [*_about_control(rows, again, borrowed), *_changed(again)]
    return [*_receipts(found), *_weak_glass(rows), *about]


def next_step(
    sandbox: str, rows: Sequence[RowSummary], failed: Sequence[Failure], again: Again
) -> str:
    """Return the suggested next call."""
    if not rows and not failed:
        return f"{again.run(sandbox, ['topk', CONTROL])}, with your variants added"
    if not rows:
        name = failed[0].variant
        return (
            f"check_variant(sandbox={sandbox!r}, variant={name!r}); fix the file, and run it again"
        )
    return (
        f"{again.call('compare_variants', sandbox)}, which also says which seeds and L0s are "
        f"missing; {again.call('plot_benchmarks', sandbox)}"
    )


def _short_of_seeds(rows: Sequence[RowSummary]) -> list[str]:
    """Return the variants with fewer seeds than a verdict needs.

    A variant counts with the copy that has the most seeds. The control needs one.
    """
    trained = [(row.variant, row.seeds) for row in rows if row.kind != "control"]
    return [name for name, seeds in most_seeds(trained).items() if seeds < LEAST_SEEDS]


def _few_seeds(rows: Sequence[RowSummary]) -> list[str]:
    if not (few := _short_of_seeds(rows)):
        return []
    return [
        f"Fewer than {LEAST_SEEDS} seeds: {_some(few, _NAMED_AS_NOISE)}. No difference from or "
        f"between them is a result: compare_variants gives no verdict below {LEAST_SEEDS} seeds."
    ]


def _control_ahead(rows: Sequence[RowSummary]) -> list[str]:
    """Return one warning per metric in which the control beats trained rows."""
    control = next((row for row in rows if row.kind == "control"), None)
    found = []
    for metric in chosen_metrics(lambda metric: metric.over_control == 0):
        floor = control and control.means.get(metric.key)
        if floor is None:
            continue
        trained = [row for row in rows if row.kind != "control" and metric.key in row.means]
        behind = [r.label for r in trained if metric.sign * (r.means[metric.key] - floor) < 0]
        if behind:
            every = len(behind) == len(trained) > 1
            rows_named = f"all {len(behind)} rows" if every else _some(behind, _NAMED)
            found.append(
                f"{_capital(metric.words)} of the untrained control ({floor:.3f}) is ahead of "
                f"{rows_named}. So it does not show what training learned, and a gain in it is no "
                "result."
            )
    return found


def _apart(rows: Sequence[RowSummary]) -> list[str]:
    """Return a warning that names the rows whose seeds ended at different L0."""
    apart = [
        f"{row.label} (L0 {row.l0s[0]:.1f} to {row.l0s[1]:.1f})"
        for row in rows
        if row.kind != "control" and row.l0s[1] > SAME_L0 * row.l0s[0]
    ]
    if not apart:
        return []
    return [
        f"Seeds ended at different L0: {_some(apart, _NAMED)}. The means of these rows mix levels "
        "of sparsity, and their ± is not seed noise. compare_variants compares each seed at its "
        "own L0."
    ]


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _receipts(found: SandboxRecords) -> list[str]:
    warnings = []
    if found.deleted:
        warnings.append(
            f"Receipts of this sandbox were deleted: {len(found.deleted)} "
            f"({_some(found.deleted, _NAMED)}). The scores shown may be a selection. "
            "The deleted ones count among the tries that compare_variants corrects for. Run "
            "fumehood verify to list them all."
        )
    if found.withdrawn:
        warnings.append(
            f"Receipts of this sandbox were withdrawn: {len(found.withdrawn)} "
            f"({_some(found.withdrawn, _NAMED)}). The scores shown may be a selection. The "
            "withdrawn ones count among the tries that compare_variants corrects for."
        )
    if gone := found.evaluations_gone:
        warnings.append(
            f"Evaluations of this sandbox were deleted or withdrawn: {len(gone)} "
            f"({_some(gone, _NAMED)}). The evaluations shown may be a selection."
        )
    if found.broken:
        warnings.append(f"{found.broken[0].upper()}{found.broken[1:]}: run fumehood verify.")
    return warnings


def _weak_glass(rows: Sequence[RowSummary]) -> list[str]:
    weak = [row.label for row in rows if WEAK in row.glass and row.kind == "custom"]
    if not weak:
        return []
    return [
        f"Scored at glass level {WEAK}: {_some(weak, _NAMED)}. At this level a variant can read "
        "files, including the evaluation split. Run fumehood doctor to see how to get a stronger "
        "level; set limits.glass in sandbox.toml to require one."
    ]


def _changed(again: Again) -> list[str]:
    if not again.changed:
        return []
    return [
        f"sandbox.toml has changed since these scores ({'; '.join(again.changed[:_NAMED])}): what "
        "is run now belongs to a new setting, and cannot be compared with them."
    ]


def _about_control(rows: Sequence[RowSummary], again: Again, borrowed: str | None) -> list[str]:
    """Return a warning if there is no control, or a note that it was run in another setting."""
    if borrowed is not None:
        return [
            f"The untrained control was run in setting {borrowed!r}. It takes no step, so a "
            "learning rate and its schedule do not change it."
        ]
    if not rows or any(row.kind == "control" for row in rows):
        return []
    changed = any(row.variant == edited(CONTROL) for row in rows)
    why = f"variants/{CONTROL}.py is not the packaged file" if changed else "not run yet"
    return [
        f"There is no untrained control ({why}). Sparse probing hardly distinguishes an untrained "
        f"SAE from a trained one. Add {CONTROL!r} to run_variants{again.with_training}."
    ]


def _brought_along(rows: Sequence[RowSummary]) -> list[str]:
    elsewhere = [row.label for row in rows if row.elsewhere and row.kind != "control"]
    if not elsewhere:
        return []
    return [
        f"Not trained here: {_some(elsewhere, _NAMED)}. The file sets TRAIN = False or contains "
        "constants that were computed elsewhere. Its scores say nothing about training under these "
        "rules, and get no verdict. Call check_variant to see which of the two it is."
    ]


def _noise(rows: Sequence[RowSummary]) -> list[str]:
    """Return one warning per metric in which some rows do not exceed the control by a safe gap."""
    metrics = chosen_metrics(lambda metric: metric.over_control)
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
    where = "above" if metric.sign > 0 else "below"
    return [
        f"{_capital(metric.words)} of {_some(close, _NAMED_AS_NOISE)} is less than {least} "
        f"{where} the untrained control's ({floor:.3f}). A gain under about {least} is noise."
    ]


def _some(names: Sequence[str], most: int) -> str:
    """Return the first names as a comma-separated text, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
