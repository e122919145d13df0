"""What the page shows, as one JSON document. Light: reads records and logs, writes nothing.

Bounded: curves have at most 60 points, a source stands once however many SAEs were trained with it.
Texts of variants (sources, messages) are data: the page puts them in as text.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fumehood_tools.bench.collect import choose
from fumehood_tools.bench.plot_spec import FLOORS
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table import BenchmarkTable, read_benchmarks
from fumehood_tools.bench.table_rows import Row, most_seeds
from fumehood_tools.compare import Comparison, compare_variants
from fumehood_tools.errors import FumehoodError
from fumehood_tools.page.facts import curve_of, facts_of
from fumehood_tools.receipts import state_of
from fumehood_tools.records.scores import Score
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.scoring.density import BINS_PER_DECADE, RAREST

COLUMNS = (
    ("l0", "L0", 1),
    ("explained_variance", "EV", 4),
    ("loss_recovered", "loss rec.", 4),
    ("probing_top1", "top-1", 3),
    ("probing_top5", "top-5", 3),
    ("probing", "all", 3),
    ("alive", "alive", 3),
    ("work", "work", 1),
)
LEGEND = (
    "EV: explained variance, centred, over all evaluation tokens (not sae-bench's field of that "
    "name). loss rec.: sae-bench's ce_loss_score. top-1, top-5, all: accuracy of sae-bench's "
    "probes on the best 1, 5 and on all latents, standardised. alive: share of latents that fired. "
    "work: processor time of a training, times a baseline's. ±: sample standard deviation over "
    "seeds. * the variant's file was changed since. Dotted: Pareto front. Compare at equal L0. "
    "Training curves are what the variant's own process told, and were not measured."
)
_ALL = 1_000_000


def page_content(
    folder: Path,
    *,
    setting: str | None = None,
    packaged: Mapping[str, str] | None = None,
    shelf: Shelf | None = None,
) -> dict[str, Any]:
    """Return what the page of the sandbox in folder shows.

    Some 1.5 kB per SAE, curves and receipts, and every source once. Raises UnknownName for a
    setting that does not exist.
    """
    shelf = shelf or Shelf(state_of(folder))
    packaged = packaged_variants() if packaged is None else packaged
    table = read_benchmarks(
        folder, limit=_ALL, setting=setting, details=True, packaged=packaged, shelf=shelf
    )
    compared = _compared(folder, table, packaged, shelf)
    most = most_seeds((row.variant, len(row.seeds)) for row in table.rows)
    content: dict[str, Any] = {
        "sandbox": table.sandbox,
        "subtitle": _subtitle(table),
        "warnings": [*table.warnings, *_failures(table), *table.controls],
        "legend": LEGEND,
        "columns": [
            {"key": key, "title": title, "digits": digits}
            for key, title, digits in COLUMNS
            if any(key in row.metrics for row in table.rows)
        ],
        "panels": _panels(table),
        "rows": [_row(row, table, compared, most) for row in table.rows],
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
    row: Row, table: BenchmarkTable, compared: Comparison | None, most: Mapping[str, int]
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
            for key, _, _ in COLUMNS
            if (found := row.metrics.get(key)) is not None
        },
        "change": row.verdict,
        "change_reason": table.verdicts.get(row.label),
        "verdict": verdict.verdict_text if verdict else None,
        "verdict_reason": verdict.reason if verdict else None,
    }


def _panels(table: BenchmarkTable) -> list[dict[str, Any]]:
    reference = table.probing_subject
    said = None if reference is None else f"probe on the subject's raw activations: {reference:.3f}"
    return [
        {
            "key": "explained_variance",
            "title": "Reconstruction",
            "y": "explained variance",
            "floor": FLOORS["1"],
            "reference": None,
            "note": None,
        },
        {
            "key": "probing_top5",
            "title": "Sparse probing",
            "y": "accuracy, best 5 latents",
            "floor": FLOORS["2"],
            "reference": reference,
            "note": said,
        },
    ]


def _subtitle(table: BenchmarkTable) -> str:
    shared = table.shared
    if shared is None:
        return "no scores yet"
    return (
        f"{Path(shared.subject).name}, layer {shared.layer}, {shared.site}; dictionary "
        f"{shared.dict_size:,}; {shared.train_tokens:,} training and {shared.eval_tokens:,} "
        f"evaluation tokens; {len(table.seed_rows)} SAEs, every one with a signed receipt"
    )


def _failures(table: BenchmarkTable) -> list[str]:
    return [f"failed: {row.label} seed {row.seed}: {row.message}" for row in table.failures]


def _compared(
    folder: Path, table: BenchmarkTable, packaged: Mapping[str, str] | None, shelf: Shelf
) -> Comparison | None:
    """Return the comparison with topk; None where it cannot be made."""
    if not any(row.variant == "topk" for row in table.rows):
        return None
    try:
        return compare_variants(folder, setting=table.setting, packaged=packaged, shelf=shelf)
    except FumehoodError:
        return None


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
