"""Plots of a sandbox's benchmarks: L0 against explained variance and against sparse probing.

`plot_benchmarks` is light: it reads records, writes the CSV, and has a trusted child process
(`python -m fumehood_tools.bench.plot spec.json`) draw PNG and SVG, so that matplotlib is never
imported here. Costs 2 s, the first time on a machine some seconds more (a list of fonts is made).
"""

import csv
import io
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from fumehood_tools.bench.plot_spec import Drawn, PlotFile, PlotPoint, PlotSpec, Probing
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table import BenchmarkTable, read_benchmarks
from fumehood_tools.bench.table_rows import Row, Spread, most_seeds
from fumehood_tools.errors import BadRequest, PartMissing
from fumehood_tools.files import write_bytes, write_text
from fumehood_tools.installing import install_command
from fumehood_tools.side_process import ask_side_process

_METRIC: Mapping[Probing, str] = {
    "top1": "probing_top1",
    "top2": "probing_top2",
    "top5": "probing_top5",
    "all": "probing",
}
_MARKS = ("skip", "nonlinear", "glass", "change")
_DRAWING_S = 120
PANELS = ("-1", "-2")
_ALL = 1_000_000


def plot_benchmarks(
    folder: Path,
    *,
    variants: Sequence[str] | None = None,
    probing: Probing = "top5",
    setting: str | None = None,
    font_cache: Path | None = None,
    packaged: Mapping[str, str] | None = None,
    shelf: Shelf | None = None,
) -> PlotFile:
    """Draw the comparable scores of the sandbox in folder into its results/plots/.

    Raises BadRequest when there is no score, UnknownName for a variant or setting that does not
    exist, PartMissing without matplotlib, RunFailed when the drawing ended badly.
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
    points = [_point(row, probing) for row in table.rows]
    if not points:
        raise BadRequest(f"No score to plot in {folder.name}. Next: {table.next}.")
    target = folder / "results" / "plots" / _file_name(variants, probing, setting)
    drawn_points = _without_tries(points)
    spec = PlotSpec(
        points=drawn_points,
        probing=probing,
        title=_title(table, drawn_points),
        footnote=_footnote(table, drawn_points, len(points)),
        probing_subject=table.probing_subject,
        font_cache=font_cache,
    )
    files = {kind: target.with_suffix(f".{kind}") for kind in ("png", "svg", "csv")}
    write_text(files["csv"], _csv(points, probing))
    drawn = _draw(spec, target)
    return PlotFile(
        **files,
        points=len(drawn_points),
        **drawn.model_dump(exclude={"off_scale"}),
        text=_text(table, spec, drawn),
    )


def _file_name(variants: Sequence[str] | None, probing: Probing, setting: str | None) -> str:
    parts = ["benchmarks", "" if probing == "top5" else probing, setting or ""]
    parts.append("" if variants is None else f"{len(variants)}-chosen")
    return "-".join(part for part in parts if part) + ".png"


def _point(row: Row, probing: Probing) -> PlotPoint:
    return PlotPoint(
        label=row.label,
        parameters=row.parameters,
        variant=row.variant,
        kind=row.kind,
        stale=row.stale is not None,
        skip=row.skip,
        nonlinear=row.nonlinear,
        glass="/".join(row.glass),
        verdict=row.verdict,
        l0=row.metrics["l0"],
        explained_variance=row.metrics["explained_variance"],
        probing=row.metrics.get(_METRIC[probing]),
    )


def _without_tries(points: list[PlotPoint]) -> list[PlotPoint]:
    """Return the points without those that have fewer seeds than another of the same variant.

    They were tries on the way to an L0; the CSV has them.
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


def _footnote(table: BenchmarkTable, points: list[PlotPoint], measured: int) -> str:
    assert table.shared is not None, "points without a setting"
    parts = [
        f"EV: centred, over {table.shared.eval_tokens:,} evaluation tokens "
        "(not sae-bench's field of that name)."
    ]
    counts = {point.l0.seeds for point in points}
    if counts == {1}:
        parts.append("1 seed, no error bars.")
    else:
        parts.append("Bars: sample standard deviation over seeds.")
    if len(points) < measured:
        parts.append(f"Not drawn: {measured - len(points)} tries with fewer seeds (see the CSV).")
    if any(point.stale for point in points):
        parts.append("* the variant's file was changed since.")
    return " ".join(parts)


def _csv(points: list[PlotPoint], probing: Probing) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = ("l0", "explained_variance", _METRIC[probing])
    columns = [f"{name}_{part}" for name in names for part in ("mean", "sd", "seeds")]
    writer.writerow(["label", "variant", "parameters", "kind", "stale", *columns, *_MARKS])
    for point in points:
        parameters = json.dumps(point.parameters) if point.parameters else ""
        cells: list[object] = [point.label, point.variant, parameters]
        cells += [point.kind, int(point.stale)]
        for spread in (point.l0, point.explained_variance, point.probing):
            cells += _cells(spread)
        cells += [int(point.skip), int(point.nonlinear), point.glass, point.verdict or ""]
        writer.writerow(cells)
    return out.getvalue()


def _cells(spread: Spread | None) -> list[object]:
    if spread is None:
        return ["", "", 0]
    return [spread.mean, "" if spread.sd is None else spread.sd, spread.seeds]


def _text(table: BenchmarkTable, spec: PlotSpec, drawn: Drawn) -> str:
    best = max(spec.points, key=lambda point: point.explained_variance.mean)
    variants = len({point.variant for point in spec.points})
    lines = [
        f"{spec.title}.",
        f"Left: L0 against explained variance; right: L0 against sparse probing ({spec.probing}). "
        f"{variants} variants, {len(spec.points)} points.",
        f"Highest explained variance: {best.label} {best.explained_variance.mean:.4f} at L0 "
        f"{best.l0.mean:.1f}. Compare at similar L0 only: more latents always explain more.",
        *(f"At the edge: {name}." for name in drawn.off_scale),
        spec.footnote,
        *_apart(spec.points),
        *table.controls,
        *(f"! {warning}" for warning in table.warnings),
        *(f"left out: {left.count} x {left.reason}" for left in table.left_out),
    ]
    return "\n".join(lines)


def _apart(points: Sequence[PlotPoint]) -> list[str]:
    """Return which points do not stand for a plain encoder and decoder."""
    skip = ", ".join(point.label for point in points if point.skip)
    nonlinear = ", ".join(point.label for point in points if point.nonlinear)
    said = [f"With a skip path, which is left out of the metrics: {skip}."] if skip else []
    return [*said, *([f"With a non-linear decoder: {nonlinear}."] if nonlinear else [])]


def _draw(spec: PlotSpec, target: Path) -> Drawn:
    """Have a child draw into a temporary folder, then put PNG and SVG in place."""
    absent = PartMissing("matplotlib", install_command("sae"), "it draws the plots")
    with tempfile.TemporaryDirectory(prefix="fumehood-plot-") as folder:
        said = ask_side_process(
            "fumehood_tools.bench.plot",
            spec.model_dump_json(),
            seconds=_DRAWING_S,
            missing={"matplotlib": absent},
            what="Drawing",
            instead="read_benchmarks still gives the numbers.",
            folder=Path(folder),
        )
        for part in ("", *PANELS):
            for suffix in (".png", ".svg"):
                name = f"{target.stem}{part}{suffix}"
                write_bytes(
                    target.with_name(name), (Path(folder) / f"spec{part}{suffix}").read_bytes()
                )
        return Drawn.model_validate_json(said)


def main(argv: Sequence[str]) -> int:
    """Draw what the spec.json named in argv says, beside it; print one JSON line about it."""
    path = Path(argv[0])
    spec = PlotSpec.model_validate_json(path.read_text(encoding="utf-8"))
    if spec.font_cache is not None:
        # Its default is the home folder, which a server may not be allowed to write.
        os.environ.setdefault("MPLCONFIGDIR", str(spec.font_cache))
    from fumehood_tools.bench.drawing import draw

    print(draw(spec, path.with_suffix(".png")).model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
