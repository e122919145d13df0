"""RESULTS.md and the two figures: every number out of the sandbox's receipts."""

import shutil
import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from fumehood_tools.bench.plot import plot_benchmarks
from fumehood_tools.bench.table import BenchmarkTable, read_benchmarks
from fumehood_tools.bench.table_rows import Row, Spread
from fumehood_tools.compare import Comparison, compare_variants, effects_of
from fumehood_tools.compare.report import Compared, Effect
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.page import page_content, write_page
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.declarations import read_declarations
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.settings import Settings

NEAR = 0.12
"""How far from a target L0 the mean over seeds may be: it was hit within 5 % at the first seed."""
FIGURES = (
    ("figure1", "-1", "L0 against explained variance (the paper's Figure 1)"),
    ("figure2", "-2", "L0 against sparse probing, best 5 latents (the paper's Figure 2)"),
)


def write_report(
    box: Sandbox, settings: Settings, store: JobStore, targets: Sequence[float], folder: Path
) -> Path:
    """Write RESULTS.md and figures/ into folder; return the path of RESULTS.md."""
    table = read_benchmarks(box.folder, limit=100_000, details=True)
    explained = compare_variants(box.folder)
    probing = compare_variants(box.folder, metric="probing_top5")
    penalised = _children_of(table, "standard", box)
    parent = compare_variants(box.folder, variants=penalised, baseline="standard")
    fonts = settings.cache / "matplotlib"
    plot = plot_benchmarks(box.folder, effects=lambda: effects_of(explained), font_cache=fonts)
    page = write_page(box.folder, page_content(box.folder, compared=explained))
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    for name, end, _ in FIGURES:
        for suffix in (".png", ".svg"):
            drawn = plot.png.with_name(f"{plot.png.stem}{end}{suffix}")
            shutil.copyfile(drawn, figures / f"{name}{suffix}")
    shutil.copyfile(plot.csv, figures / "points.csv")
    parts = [
        *_head(box, table, store),
        *(f"![{text}](figures/{name}.png)\n" for name, _, text in FIGURES),
        *_summary(table, explained, probing),
        *_table(table, explained, probing, targets),
        *_words(explained),
        *_text("Explained variance", explained),
        *_text("Explained variance of the L1 variants against standard", parent),
        *_text("Sparse probing", probing),
        "The same as a page with curves, receipts and sources: "
        f"`{page.relative_to(box.folder)}` in the sandbox.",
    ]
    target = folder / "RESULTS.md"
    target.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return target


def _children_of(table: BenchmarkTable, parent: str, box: Sandbox) -> list[str]:
    """Return the variants whose file says that they stand on that parent."""
    custom = {row.variant for row in table.rows if row.kind == "custom"}
    sources = {name: box.variant_path(name).read_bytes() for name in sorted(custom)}
    return [name for name, text in sources.items() if read_declarations(text).parent == parent]


def _head(box: Sandbox, table: BenchmarkTable, store: JobStore) -> list[str]:
    shared, spec = table.shared, box.spec
    assert shared is not None, "no scores"
    jobs = [job for job in store.list(kind="run", limit=100).jobs if job.title.startswith(box.name)]
    minutes = sum(_minutes(job) for job in jobs)
    states = ", ".join(
        f"{count} {state}" for state, count in Counter(j.status for j in jobs).items()
    )
    machine = sorted({row.machine for row in table.seed_rows})
    costs = [(row.train_seconds, row.score_seconds) for row in table.seed_rows]
    return [
        "# The paper's 24 variants, measured",
        "",
        "Written by `python examples/paper/run.py`; every number comes from a signed receipt.",
        "",
        f"- Subject {shared.subject}, layer {shared.layer}, {shared.site}; dictionary "
        f"{shared.dict_size:,}; {shared.train_tokens:,} training tokens, batch "
        f"{spec.training.batch_size:,}; {shared.eval_tokens:,} evaluation tokens.",
        f"- {len(table.seed_rows)} SAEs in {len(table.rows)} settings, seeds "
        f"{sorted({row.seed for row in table.seed_rows})}; setting `{table.setting}`.",
        f"- Wall time of the jobs: {minutes:.0f} min in {len(jobs)} jobs ({states}) on "
        f"{', '.join(machine)}; median of one SAE {statistics.median(c[0] for c in costs):.1f} s "
        f"training and {statistics.median(c[1] for c in costs):.1f} s scoring, two at a time.",
        "",
    ]


def _minutes(job: Job) -> float:
    """Return how long a job has run, until now if it still does."""
    if job.started is None:
        return 0.0
    end = datetime.fromisoformat(job.finished) if job.finished else datetime.now(UTC)
    return (end - datetime.fromisoformat(job.started)).total_seconds() / 60


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _summary(table: BenchmarkTable, explained: Comparison, probing: Comparison) -> list[str]:
    custom = {row.variant: row for row in table.rows if row.kind == "custom" and not row.parameters}
    changes: Counter[str] = Counter(row.change or "not judged" for row in custom.values())
    inert = [name for name, row in custom.items() if row.change == "inert"]
    lines = ["## What came out", ""]
    lines.append(
        f"Of {len(custom)} variants {changes['inert']} are inert"
        + (f" ({', '.join(inert)})" if inert else "")
        + f", {changes['weak']} weak, {changes['active']} active: see below for the words. In the "
        "paper's Figure 1 about 16 of 24 sit on their baseline's point."
    )
    for name, found in (("explained variance", explained), ("sparse probing", probing)):
        counts: Counter[str] = Counter(row.verdict for row in found.rows if row.variant in custom)
        said = _counted(counts)
        best = [
            row.variant for row in found.rows if row.verdict == "better" and row.variant in custom
        ]
        lines.append(
            f"- Against {found.baseline} at equal L0, {name}: {said}."
            + (f" Better: {', '.join(best)}." if best else "")
        )
    failed = [f"{row.label} seed {row.seed}" for row in table.failures]
    lines.append(f"- Failed: {', '.join(failed) or 'none'}.")
    return [*lines, ""]


def _table(
    table: BenchmarkTable,
    explained: Comparison,
    probing: Comparison,
    targets: Sequence[float],
) -> list[str]:
    by_variant: dict[str, list[Row]] = {}
    for row in table.rows:
        by_variant.setdefault(row.variant, []).append(row)
    heads = ["variant", "as written: L0", "EV", "top-5", "change"]
    heads += [f"EV at L0 {target:g} (L0)" for target in targets]
    heads += ["ΔEV [95 %]", "verdict", "Δtop-5 [95 %]", "verdict"]
    lines = ["## Table", "", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    ours = {row.variant: row for row in explained.rows}
    theirs = {row.variant: row for row in probing.rows}
    packaged = packaged_variants()
    for name in sorted(by_variant, key=lambda name: (name in packaged, name)):
        rows = by_variant[name]
        plain = next((row for row in rows if not row.parameters), None)
        cells = [name, *_as_written(plain)]
        cells += [_at(rows, target) for target in targets]
        cells += [*_judged(ours.get(name), 4), *_judged(theirs.get(name), 3)]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def _as_written(row: Row | None) -> list[str]:
    if row is None:
        return ["–"] * 4
    metrics = row.metrics
    return [
        _spread(metrics["l0"], 1),
        _spread(metrics["explained_variance"], 4),
        _spread(metrics["probing_top5"], 3) if "probing_top5" in metrics else "–",
        row.change or "–",
    ]


def _at(rows: Sequence[Row], target: float) -> str:
    """Return the explained variance of the level nearest to a target L0, with its L0."""
    most = max(len(row.seeds) for row in rows)
    whole = [row for row in rows if len(row.seeds) == most]
    nearest = min(whole, key=lambda row: abs(row.metrics["l0"].mean - target))
    l0 = nearest.metrics["l0"].mean
    if abs(l0 / target - 1) > NEAR:
        return "–"
    return f"{_spread(nearest.metrics['explained_variance'], 4)} ({l0:.1f})"


def _judged(row: Compared | None, digits: int) -> list[str]:
    if row is None:
        return ["–", "–"]
    return [_effect(row.effect, digits) if row.effect else "–", row.verdict]


def _spread(spread: Spread, digits: int) -> str:
    deviation = "" if spread.sd is None else f" ±{spread.sd:.{digits}f}"
    return f"{spread.mean:.{digits}f}{deviation}"


def _effect(effect: Effect, digits: int) -> str:
    if effect.low is None or effect.high is None:
        return f"{effect.mean:+.{digits}f}"
    return f"{effect.mean:+.{digits}f} [{effect.low:+.{digits}f}, {effect.high:+.{digits}f}]"


def _words(found: Comparison) -> list[str]:
    lines = [f"- **{word}**: {text}." for word, text in found.definitions.items()]
    return [
        "EV: explained variance, centred. ±: sample standard deviation over seeds. ΔEV, Δtop-5: "
        f"variant minus {found.baseline} at the variant's L0, mean over its levels, paired by "
        "seed.",
        "",
        *lines,
        "",
    ]


def _text(title: str, found: Comparison) -> list[str]:
    return [f"## {title}, as `compare_variants` says it", "", "```text", found.text(), "```", ""]
