"""Plots of a sandbox's benchmarks: metrics over L0, one panel per metric, and effects.

`plot_benchmarks` is light: it reads records, writes the CSV, and lets a trusted child process
(this module, started by children.ask_once) draw the PNG and SVG, so that the caller never imports
matplotlib. Costs 2 s, and a few seconds more the first time, when matplotlib lists the fonts.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fumehood_tools.bench.fonts import FOLDER_VARIABLE
from fumehood_tools.bench.plot_spec import (
    Drawn,
    EffectsSpec,
    PanelSpec,
    PlotFile,
    PlotPoint,
    PlotSpec,
    ValuesSpec,
)
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table import BenchmarkTable, read_benchmarks
from fumehood_tools.bench.table_rows import Row, Spread, most_seeds
from fumehood_tools.child_tuning import importing
from fumehood_tools.children import ChildTask, ReportProgress, answer_once, ask_once
from fumehood_tools.errors import BadRequest, PartMissing
from fumehood_tools.files import write_bytes, write_text
from fumehood_tools.installing import install_command
from fumehood_tools.kinds import SAE
from fumehood_tools.registry.kinds import known_metrics
from fumehood_tools.registry.lookup import chosen_metrics, metric_named
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.registry.sae_metrics import SPARSITY
from fumehood_tools.registry.transcoder_metrics import of_kind
from fumehood_tools.temporary import scratch_folder

_MARKS = ("skip", "nonlinear", "glass", "change")
_DRAWING_S = 50
_DRAWING_MEMORY = 4_000_000_000
MOST_PANELS = 4
_ALL = 1_000_000


def plot_benchmarks(
    folder: Path,
    *,
    variants: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    effects: Callable[[], EffectsSpec | None] | None = None,
    setting: str | None = None,
    font_cache: Path | None = None,
    packaged: Mapping[str, str] | None = None,
    shelf: Shelf | None = None,
) -> PlotFile:
    """Draw the comparable scores of the sandbox in folder into its results/plots/.

    metrics: what to draw, one panel each, at most MOST_PANELS. The default is explained variance,
    sparse probing, and the metrics that other kinds of records add to these SAEs.
    effects: returns the differences to draw in a last panel; called when all names are known to
    exist, as a comparison takes seconds.
    Raises BadRequest when there is no score, UnknownName for a variant, metric or setting that does
    not exist, PartMissing without matplotlib, RunFailed when the drawing process failed.
    """
    table = read_benchmarks(
        folder,
        variants=variants,
        limit=_ALL,
        setting=setting,
        details=True,
        packaged=packaged,
        shelf=shelf,
    )
    # Only now, because records may declare metrics of their own.
    chosen = None if metrics is None else chosen_panels(metrics)
    points = [_point(row) for row in table.rows]
    if not points:
        raise BadRequest(f"There is no score to plot in {folder.name}. Next: {table.next}.")
    target = plot_file(folder, variants, metrics, setting)
    drawn_points = _without_tries(points)
    panels = usual_panels(table.rows)[:MOST_PANELS] if chosen is None else chosen
    spec = PlotSpec(
        points=drawn_points,
        panels=[panel_of(metric, table) for metric in panels],
        effects=effects() if effects else None,
        sparsity=metric_named(SPARSITY),
        title=_title(table, drawn_points),
        footnote=_footnote(table, drawn_points, len(points), panels),
        font_cache=font_cache,
    )
    files = {kind: target.with_suffix(f".{kind}") for kind in ("png", "svg", "csv")}
    write_text(files["csv"], _csv(points, panels))
    drawn = draw_in_child(spec, target)
    return PlotFile(
        **files,
        panels=spec.parts,
        points=len(drawn_points),
        **drawn.model_dump(exclude={"off_scale"}),
        text=_text(table, spec, drawn),
    )


def chosen_panels(metrics: Sequence[str]) -> list[Metric]:
    """Return the metrics with these names, without duplicates.

    Raises UnknownName for a name that is not a metric, BadRequest for none or too many.
    """
    if not metrics or len(metrics) > MOST_PANELS:
        raise BadRequest(f"Cannot draw {len(metrics)} metrics. Name 1 to {MOST_PANELS} of them.")
    over = tuple(m for m in known_metrics().values() if m.key != SPARSITY)
    return [metric_named(key, over) for key in dict.fromkeys(metrics)]


def usual_panels(rows: Sequence[Row]) -> list[Metric]:
    """Return the metrics that are drawn by default.

    These are the ones that any row has, and the ones whose absence is itself worth showing.
    """
    return [
        metric
        for metric in chosen_metrics(lambda metric: metric.drawn.panel)
        if metric.drawn.absent or any(metric.key in row.metrics for row in rows)
    ]


def panel_of(metric: Metric, table: BenchmarkTable) -> PanelSpec:
    """Return the panel of a metric, with the subject's own value if it is known."""
    key = metric.drawn.reference
    return PanelSpec(
        metric=of_kind(metric, table.kind),
        reference=table.subject.get(key),
        reference_name=metric_named(key).words if key else "",
    )


def plot_file(
    folder: Path,
    variants: Sequence[str] | None,
    metrics: Sequence[str] | None,
    setting: str | None,
) -> Path:
    """Return the PNG of a selection, in the results/plots/ of a sandbox's folder."""
    parts = ["benchmarks", *(metrics or ()), setting or ""]
    parts.append("" if variants is None else f"{len(variants)}-chosen")
    name = "-".join(part for part in parts if part)
    return folder / "results" / "plots" / f"{name.replace(' ', '-')}.png"


def _point(row: Row) -> PlotPoint:
    return PlotPoint(
        label=row.label,
        parameters=row.parameters,
        variant=row.variant,
        kind=row.kind,
        stale=row.stale is not None,
        skip=row.skip,
        nonlinear=row.nonlinear,
        glass="/".join(row.glass),
        change=row.change,
        metrics=row.metrics,
    )


def _without_tries(points: list[PlotPoint]) -> list[PlotPoint]:
    """Return the points that have as many seeds as any other point of the same variant.

    Points with fewer seeds were tries on the way to a target L0. They are in the CSV only.
    """
    most = most_seeds((point.variant, point.l0.seeds) for point in points)
    return [point for point in points if point.l0.seeds == most[point.variant]]


def _title(table: BenchmarkTable, points: Sequence[PlotPoint]) -> str:
    shared = table.shared
    assert shared is not None, "points without a setting"
    counts = sorted({point.l0.seeds for point in points})
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    plural = "" if counts == [1] else "s"
    return (
        f"{Path(shared.subject).name}, layer {shared.layer}, {shared.site}; "
        f"dictionary {shared.dict_size:,}; {shared.train_tokens:,} tokens; {seeds} seed{plural}"
    )


def _footnote(
    table: BenchmarkTable, points: list[PlotPoint], measured: int, panels: Sequence[Metric]
) -> str:
    assert table.shared is not None, "points without a setting"
    notes = [
        of_kind(metric, table.kind).drawn.note.format(eval_tokens=table.shared.eval_tokens)
        for metric in panels
    ]
    parts = [note for note in notes if note]
    counts = {point.l0.seeds for point in points}
    if counts == {1}:
        parts.append("1 seed, no error bars.")
    else:
        parts.append("Bars: sample standard deviation over seeds.")
    if len(points) < measured:
        left = measured - len(points)
        tries = "1 try" if left == 1 else f"{left} tries"
        parts.append(f"Not drawn: {tries} with fewer seeds (see the CSV).")
    if any(point.stale for point in points):
        parts.append("* the variant's file has changed since.")
    return " ".join(parts)


def _csv(points: list[PlotPoint], panels: Sequence[Metric]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = (SPARSITY, *(metric.key for metric in panels))
    columns = [f"{name}_{part}" for name in names for part in ("mean", "sd", "seeds")]
    writer.writerow(["label", "variant", "parameters", "kind", "stale", *columns, *_MARKS])
    for point in points:
        parameters = json.dumps(point.parameters) if point.parameters else ""
        cells: list[object] = [point.label, point.variant, parameters]
        cells += [point.kind, int(point.stale)]
        for name in names:
            cells += _cells(point.metrics.get(name))
        cells += [int(point.skip), int(point.nonlinear), point.glass, point.change or ""]
        writer.writerow(cells)
    return out.getvalue()


def _cells(spread: Spread | None) -> list[object]:
    if spread is None:
        return ["", "", 0]
    return [spread.mean, "" if spread.sd is None else spread.sd, spread.seeds]


def _text(table: BenchmarkTable, spec: PlotSpec, drawn: Drawn) -> str:
    variants = len({point.variant for point in spec.points})
    lines = [
        f"{spec.title}.",
        f"{_shown(spec.panels)}. {variants} variants, {len(spec.points)} points.",
        *_best(spec),
        *_effects(spec.effects),
        *(f"At the edge: {name}." for name in drawn.off_scale),
        spec.footnote,
        *_apart(spec.points, table.kind),
        *table.controls,
        *(f"! {warning}" for warning in table.warnings),
        *(f"left out: {left.count} x {left.reason}" for left in table.left_out),
    ]
    return "\n".join(lines)


def _shown(panels: Sequence[PanelSpec]) -> str:
    """Return a phrase that says which metric is in which panel."""
    names = [f"L0 against {panel.metric.words}" for panel in panels]
    if len(names) == 2:
        return f"Left: {names[0]}; right: {names[1]}"
    return f"Row by row: {', '.join(names)}" if len(names) > 1 else names[0]


def _best(spec: PlotSpec) -> list[str]:
    """Return one sentence on the best point of the first panel, or nothing if there is none."""
    metric = spec.panels[0].metric
    measured = [point for point in spec.points if metric.key in point.metrics]
    if metric.better == "neither" or not measured:
        return []
    best = max(measured, key=lambda point: metric.sign * point.metrics[metric.key].mean)
    extreme = "Highest" if metric.better == "higher" else "Lowest"
    return [
        f"{extreme} {metric.words}: {best.label} {best.metrics[metric.key].mean:.{metric.digits}f} "
        f"at L0 {best.l0.mean:.1f}. Compare at similar L0 only: more latents always explain more."
    ]


def _effects(effects: EffectsSpec | None) -> list[str]:
    """Return a sentence on the panel of effects, if there is one."""
    if effects is None:
        return []
    best = effects.lines[0]
    return [
        f"Last panel: {effects.axis}, {len(effects.lines)} variants, best first: {best.variant} "
        f"{best.mean:+.{effects.digits}f} ({best.verdict}). compare_variants has the reasons."
    ]


def _apart(points: Sequence[PlotPoint], kind: str) -> list[str]:
    """Return sentences on the points that are not a plain encoder and decoder."""
    skip = ", ".join(point.label for point in points if point.skip)
    nonlinear = ", ".join(point.label for point in points if point.nonlinear)
    meaning = "left out of" if kind == SAE.name else "included in"
    said = [f"With a skip path, which is {meaning} the metrics: {skip}."] if skip else []
    return [*said, *([f"With a non-linear decoder: {nonlinear}."] if nonlinear else [])]


def draw_in_child(spec: PlotSpec | ValuesSpec, target: Path) -> Drawn:
    """Let a child process draw into a temporary folder, then move the PNG and SVG into place.

    Raises PartMissing without matplotlib, RunFailed when the drawing process failed.
    """
    absent = PartMissing("matplotlib", install_command("sae"), "it draws the plots")
    with scratch_folder(None, "fumehood-plot-") as folder:
        task = ChildTask(
            doing="Drawing",
            remedy="read_benchmarks still gives the numbers.",
            seconds=_DRAWING_S,
            memory=_DRAWING_MEMORY,
            missing={"matplotlib": absent},
        )
        request = spec.model_dump(mode="json")
        said = ask_once("fumehood_tools.bench.plot", request, task, folder=folder)
        for part in ("", *(f"-{number}" for number in range(1, spec.parts + 1))):
            for suffix in (".png", ".svg"):
                name = f"{target.stem}{part}{suffix}"
                write_bytes(target.with_name(name), (folder / f"spec{part}{suffix}").read_bytes())
        return Drawn.model_validate_json(said)


def _answer(request: Any, folder: Path, progress: ReportProgress) -> str:
    """Draw a PlotSpec or a ValuesSpec into folder/spec.png, spec.svg and spec-<panel>.*; return
    Drawn as JSON."""
    asked = ValuesSpec if "values" in request else PlotSpec
    spec = asked.model_validate(request)
    if spec.font_cache is not None:
        # matplotlib's default is the home folder, which a server may not be allowed to write to.
        os.environ.setdefault(FOLDER_VARIABLE, str(spec.font_cache))
    with importing():
        from fumehood_tools.bench.drawing import draw
        from fumehood_tools.bench.value_strips import draw_values

    target = folder / "spec.png"
    drawn = draw_values(spec, target) if isinstance(spec, ValuesSpec) else draw(spec, target)
    return drawn.model_dump_json()


if __name__ == "__main__":
    answer_once(_answer)
