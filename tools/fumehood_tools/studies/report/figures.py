"""The figures of a report: metrics over L0 of the study's variants, from the same scores.

Drawn by `bench.plot` in a child process, about 3 s per sandbox. Each figure comes with its numbers
as CSV, and as a Vega-Lite specification that draws them elsewhere.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.bench.plot import plot_benchmarks
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import FumehoodError
from fumehood_tools.records.labelling import file_of
from fumehood_tools.registry.lookup import metric_named
from fumehood_tools.registry.sae_metrics import QUALITY, SPARSITY
from fumehood_tools.studies.report.facts import Facts
from fumehood_tools.studies.report.markdown import plain

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


class Figure(NamedTuple):
    """One figure. name: of its files without suffix. files: name -> content (svg, csv, json)."""

    name: str
    caption: str
    files: dict[str, bytes]

    @property
    def markdown(self) -> str:
        """The figure, and links to its numbers."""
        return (
            f"![{plain(self.caption)}]({self.name}.svg)\n\n"
            f"{plain(self.caption)} Numbers: [{self.name}.csv]({self.name}.csv), "
            f"[{self.name}.vl.json]({self.name}.vl.json)."
        )


def figures_of(
    facts: Facts, workspace: Path, shelf: Shelf, fonts: Path | None
) -> tuple[list[Figure], list[str]]:
    """Return one figure per sandbox with scores, and why a figure is missing.

    fonts: folder for matplotlib's list of fonts.
    """
    found, missing = list[Figure](), list[str]()
    for sandbox in facts.sandboxes:
        variants = sorted(
            {run.content.variant for run, _ in facts.scored() if run.sandbox == sandbox}
        )
        metrics = [plan.metric for _, plan in facts.plans if plan.sandbox == sandbox]
        drawn = list(dict.fromkeys(m for m in (*metrics, QUALITY) if m != SPARSITY))[:4]
        if not variants:
            if any(run.sandbox == sandbox for run in facts.own):
                missing.append(
                    f"There is no figure of sandbox {sandbox}, which has an evaluation of its own: "
                    "plot_benchmarks draws its metrics."
                )
            continue
        try:
            found.append(_figure(len(found) + 1, workspace, sandbox, variants, drawn, shelf, fonts))
        except FumehoodError as error:
            missing.append(f"There is no figure of sandbox {sandbox}: {error}")
    return found, missing


def _figure(
    number: int,
    workspace: Path,
    sandbox: str,
    variants: list[str],
    metrics: list[str],
    shelf: Shelf,
    fonts: Path | None,
) -> Figure:
    folder, name = workspace / "sandboxes" / sandbox, f"figure-{number}"
    plot = plot_benchmarks(
        folder,
        variants=[file_of(one) for one in variants],
        metrics=metrics,
        font_cache=fonts,
        shelf=shelf,
    )
    words = " and ".join(metric_named(key).words for key in metrics)
    rows = plot.csv.read_bytes()
    spec = vega_lite(rows.decode("utf-8"), metrics, f"{name}.csv")
    files = {
        f"{name}.svg": plot.svg.read_bytes(),
        f"{name}.csv": rows,
        f"{name}.vl.json": json.dumps(spec, indent=1).encode() + b"\n",
    }
    return Figure(name, f"Sandbox {sandbox}: {words} over L0.", files)


def vega_lite(rows: str, metrics: list[str], url: str) -> dict[str, Any]:
    """Return a Vega-Lite specification that draws the CSV of a plot, one panel per metric.

    url: where the CSV lies, relative to the specification.
    """
    heads = next(csv.reader(io.StringIO(rows)))
    panels = [_panel(key) for key in metrics if f"{key}_mean" in heads]
    return {"$schema": _SCHEMA, "data": {"url": url, "format": {"type": "csv"}}, "hconcat": panels}


def _panel(key: str) -> dict[str, Any]:
    x = {"field": f"{SPARSITY}_mean", "type": "quantitative", "title": "L0"}
    y = {"field": f"{key}_mean", "type": "quantitative", "title": metric_named(key).words}
    y["scale"] = {"zero": False}  # type: ignore[assignment]
    colour = {"field": "label", "type": "nominal"}
    ends = [
        {"calculate": f"toNumber(datum.{key}_mean) {sign} toNumber(datum.{key}_sd)", "as": end}
        for sign, end in (("-", "low"), ("+", "high"))
    ]
    bars = {
        "mark": "rule",
        "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour},
    }
    points = {
        "mark": {"type": "point", "filled": True},
        "encoding": {
            **{"x": x, "y": y, "color": colour},
            "tooltip": [{"field": "label"}, {"field": f"{key}_mean"}, {"field": f"{key}_seeds"}],
        },
    }
    return {"transform": ends, "layer": [bars, points]}
