"""Build the content of the page as one JSON document. Reads records and logs, writes nothing.

The size is limited: a curve has at most 60 points, and each source is included once, however many
SAEs were trained with it. Texts from variants (sources, messages) are untrusted data, which the
page inserts as text, never as HTML.
"""

import json
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from fumehood_tools.bench.benchmark_table import columns_of, legend_of
from fumehood_tools.bench.collect import choose
from fumehood_tools.bench.colours import colours_of
from fumehood_tools.bench.plot import panel_of, usual_panels
from fumehood_tools.bench.plot_spec import PanelSpec
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table import BenchmarkTable, read_benchmarks
from fumehood_tools.bench.table_rows import WORK, Row, most_seeds
from fumehood_tools.compare import Comparison, effects_of, usual_comparison
from fumehood_tools.kinds import kind_named
from fumehood_tools.page.facts import curve_of, facts_of
from fumehood_tools.receipts import state_of
from fumehood_tools.records.levels import SAME_L0
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.lookup import metric_named
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.registry.sae_metrics import QUALITY, SPARSITY
from fumehood_tools.sandbox.variants import packaged_in
from fumehood_tools.scoring.density import BINS_PER_DECADE, RAREST

_WORK = {"key": WORK, "title": "work", "about": "", "digits": 1, "down": True}
LEGEND = (
    "work: processor time of a training, as a multiple of a baseline's. ±: sample standard "
    "deviation over seeds. *: the variant's file was changed since. Dotted line: Pareto front. "
    "Compare at equal L0. Training curves are reported by the variant's own process and were not "
    "measured by fumehood."
)
_LEAST_DIGITS = 4
"""Minimum number of digits in the tooltip of a mark."""
_ALL = 1_000_000


def page_content(
    folder: Path,
    *,
    setting: str | None = None,
    packaged: Mapping[str, str] | None = None,
    shelf: Shelf | None = None,
    compared: Comparison | None = None,
) -> dict[str, Any]:
    """Return the content of the page for the sandbox in folder.

    compared: its `usual_comparison`, for a caller that has it; computed if None.
    The size is about 1.5 kB per SAE, with curve and receipt, plus every source once. Raises
    UnknownName for a setting that does not exist.
    """
    shelf = shelf or Shelf(state_of(folder))
    packaged = packaged_in(folder) if packaged is None else packaged
    table = read_benchmarks(
        folder, limit=_ALL, setting=setting, details=True, packaged=packaged, shelf=shelf
    )
    compared = compared or usual_comparison(
        folder, setting=table.setting, packaged=packaged, shelf=shelf
    )
    effects = compared and effects_of(compared)
    drawn = (*(effects.lines if effects else ()), *table.rows)
    colours = colours_of((one.variant, one.kind) for one in drawn)
    most = most_seeds((row.variant, len(row.seeds)) for row in table.rows)
    columns, panels = columns_of(table.rows, table.kind), usual_panels(table.rows)
    shown = {SPARSITY, WORK, *(metric.key for metric in (*columns, *panels))}
    content: dict[str, Any] = {
        "sandbox": table.sandbox,
        "subtitle": _subtitle(table),
        "warnings": [*table.warnings, *_failures(table), *table.controls],
        "legend": " ".join([*legend_of(columns), LEGEND]),
        "definitions": _definitions(table, compared),
        "columns": [
            *map(_column, columns),
            *[_WORK] * any(WORK in row.metrics for row in table.rows),
        ],
        "order": {"key": QUALITY, "down": True},
        "x": _x_axis(metric_named(SPARSITY)),
        "panels": [_panel(panel_of(metric, table)) for metric in panels],
        "same_l0": SAME_L0,
        "colours": {name: one.hex for name, one in colours.items()},
        "effects": effects and effects.model_dump(mode="json"),
        "rows": [_row(row, table, compared, most, shown) for row in table.rows],
        "density": {"rarest": RAREST, "bins_per_decade": BINS_PER_DECADE},
        "saes": [],
        "sources": {},
    }
    if table.shared is not None:
        _add_saes(content, folder, table, shelf, packaged)
    return content


def _add_saes(
    content: dict[str, Any],
    folder: Path,
    table: BenchmarkTable,
    shelf: Shelf,
    packaged: Mapping[str, str],
) -> None:
    assert table.shared is not None, "no setting"
    found = shelf.collect(folder / "results")
    current = shelf.variant_files(folder / "variants")
    chosen = choose(found, table.shared, current, None, packaged)
    places = {id(score): place for place, score in found.scores.items()}
    for label, scores in chosen.by_label.items():
        for score in scores:
            run = folder / "results" / places[id(score)]
            content["saes"].append(_sae(label, score, run))
            sha256 = score.provenance.variant_sha256
            if sha256 not in content["sources"]:
                content["sources"][sha256] = _text(run / f"{score.variant}.py")


def _sae(label: str, score: Score, run: Path) -> dict[str, Any]:
    return {
        "label": label,
        "seed": score.seed,
        "source": score.provenance.variant_sha256,
        "density": score.density,
        "curve": curve_of(run / "train_log.jsonl"),
        "facts": facts_of(score, _mac(run / "score.json")),
    }


def _row(
    row: Row,
    table: BenchmarkTable,
    compared: Comparison | None,
    most: Mapping[str, int],
    shown: Set[str],
) -> dict[str, Any]:
    judged = {one.variant: one for one in compared.rows} if compared else {}
    verdict = judged.get(row.variant)
    return {
        "label": row.label,
        "variant": row.variant,
        "kind": row.kind,
        "stale": row.stale,
        "seeds": row.seeds,
        "minor": len(row.seeds) < most[row.variant],
        "metrics": {
            key: {"mean": found.mean, "sd": found.sd}
            for key, found in row.metrics.items()
            if key in shown
        },
        "change": row.change,
        "change_reason": table.changes.get(row.label),
        "verdict": verdict.verdict_text if verdict else None,
        "verdict_reason": verdict.reason if verdict else None,
    }


def _definitions(table: BenchmarkTable, compared: Comparison | None) -> list[str]:
    """Return the meaning of the words in the columns `change` and `verdict`."""
    said = [f"{word}: {meaning}." for word, meaning in table.definitions.items()]
    words = {str(row.verdict) for row in compared.rows} if compared else set()
    meanings = compared.definitions if compared and words else {}
    verdicts = [f"{word}: {meaning}." for word, meaning in meanings.items() if word in words]
    return [*said, *([f"verdict: {' '.join(verdicts)}"] if verdicts else [])]


def _column(metric: Metric) -> dict[str, Any]:
    return {
        "key": metric.key,
        "title": metric.heading,
        "about": metric.description,
        "digits": metric.digits,
        "down": metric.better == "higher",
    }


def _x_axis(metric: Metric) -> dict[str, Any]:
    return {
        "key": metric.key,
        "label": metric.drawn.label,
        "name": metric.heading,
        "digits": metric.digits,
    }


def _panel(panel: PanelSpec) -> dict[str, Any]:
    metric, axis = panel.metric, panel.metric.drawn
    value, name = panel.reference, panel.reference_name
    return {
        "key": metric.key,
        "title": axis.title or axis.label,
        "y": axis.short or axis.label,
        "digits": max(metric.digits, _LEAST_DIGITS),
        "scale": axis.scale,
        "better": metric.better,
        "floor": axis.reach,
        "reference": value,
        "note": None if value is None else f"{name}: {value:.3f}",
    }


def _subtitle(table: BenchmarkTable) -> str:
    shared = table.shared
    if shared is None:
        return "no scores yet"
    return (
        f"{Path(shared.subject).name}, layer {shared.layer}, {shared.site}; dictionary "
        f"{shared.dict_size:,}; {shared.train_tokens:,} training and {shared.eval_tokens:,} "
        f"evaluation tokens; {len(table.seed_rows)} {kind_named(table.kind).noun}s, each with a "
        "signed receipt"
    )


def _failures(table: BenchmarkTable) -> list[str]:
    return [f"failed: {row.label} seed {row.seed}: {row.message}" for row in table.failures]


def _mac(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["receipt"]["mac"])
    except (OSError, ValueError, KeyError, TypeError):
        return "gone"


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return "gone"
