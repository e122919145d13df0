"""Plot the metrics of a custom sandbox: one strip per metric, and differences from the baseline.

Light: a child process draws. There is no L0 to draw over.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.bench.plot import MOST_PANELS, draw_in_child, plot_file
from fumehood_tools.bench.plot_spec import (
    EffectLine,
    EffectsSpec,
    PlotFile,
    ValueLine,
    ValuesPanel,
    ValuesSpec,
)
from fumehood_tools.custom.compare import compare_custom, left_out
from fumehood_tools.custom.comparison import CustomComparison
from fumehood_tools.custom.scored import CustomScores, Version, mean_and_sd, scores_of
from fumehood_tools.custom.sealed import custom_of
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.files import write_text
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.runs.baselines import USUAL
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.spec import CustomMetric

MOST_LINES = 40
_DIGITS = 3


class Seen(NamedTuple):
    """What a plot and a page show: scores, and the comparison in the headline metric.

    found: None if there is nothing to compare with.
    """

    scores: CustomScores
    found: CustomComparison | None


def seen_of(settings: Settings, box: Sandbox, setting: str | None = None) -> Seen:
    """Read the scores of a custom sandbox, and compare them in its headline metric.

    setting: as in `scores_of`. Raises UnknownName for a setting that no score has, PartMissing.
    """
    scores = scores_of(settings, box, setting)
    try:
        return Seen(scores, compare_custom(settings, box, None, USUAL, QUALITY, scores=scores))
    except BadRequest:
        return Seen(scores, None)


def plot_custom(
    settings: Settings,
    box: Sandbox,
    *,
    variants: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    setting: str | None = None,
    seen: Seen | None = None,
) -> PlotFile:
    """Draw the scores of a custom sandbox into its results/plots/.

    metrics: what to draw, at most MOST_PANELS; default: the headline, then the others as declared.
    setting: as in `scores_of`. seen: what was read of it, if the caller has it. Raises BadRequest
    when there is no score, UnknownName for a variant, metric or setting that does not exist,
    PartMissing without matplotlib, RunFailed.
    """
    seen = seen or seen_of(settings, box, setting)
    scores, found = seen
    chosen = _metrics(box, metrics)
    versions = _versions(scores, variants)
    if not versions:
        raise BadRequest(f"There is no score to plot in {box.name}. Next: run_variants.")
    has_headline = custom_of(box).headline in {metric.name for metric in chosen}
    spec = ValuesSpec(
        values=[_panel(metric, versions) for metric in chosen],
        effects=effects_of(found, variants) if found and has_headline else None,
        title=f"{box.name}: {Path(box.spec.subject.name).name}, layer {box.spec.subject.layer}",
        footnote=f"Evaluated by this sandbox's own code, sha256 {scores.sealed[:16]}. Bars: sample "
        "standard deviation over seeds.",
        font_cache=settings.cache / "matplotlib",
    )
    target = plot_file(box.folder, variants, metrics, setting)
    files = {kind: target.with_suffix(f".{kind}") for kind in ("png", "svg", "csv")}
    write_text(files["csv"], _csv(chosen, versions))
    drawn = draw_in_child(spec, target)
    return PlotFile(
        **files,
        panels=spec.parts,
        points=len(versions),
        **drawn.model_dump(exclude={"off_scale"}),
        text=_text(spec, scores, len(versions)),
    )


def _metrics(box: Sandbox, names: Sequence[str] | None) -> list[CustomMetric]:
    custom = custom_of(box)
    declared = {metric.name: metric for metric in custom.metrics}
    first = dict.fromkeys([custom.headline, *declared])
    chosen = list(dict.fromkeys(names)) if names else list(first)[:MOST_PANELS]
    for name in chosen:
        if name not in declared:
            raise UnknownName("metric", name, declared, "Plot this sandbox's metrics.")
    return [declared[name] for name in chosen]


def _versions(scores: CustomScores, variants: Sequence[str] | None) -> list[Version]:
    known = {version.variant for version in scores.versions}
    for name in variants or ():
        if name not in known:
            raise UnknownName("variant with a score", name, sorted(known), "Run it first.")
    return [
        version
        for version in scores.versions
        if variants is None or version.variant in variants or version.kind == "control"
    ]


def _panel(metric: CustomMetric, versions: Sequence[Version]) -> ValuesPanel:
    lines = []
    for version in versions:
        values = version.values(metric.name)
        mean, sd = mean_and_sd(values.values())
        lines.append(
            ValueLine(
                variant=version.variant,
                label=version.label,
                kind=version.kind,
                stale=version.stale,
                mean=mean,
                sd=sd,
                seeds=len(values),
            )
        )
    sign = 1.0 if metric.better == "lower" else -1.0
    lines.sort(key=lambda line: sign * line.mean)
    better = "" if metric.better == "none" else f"{metric.better} is better"
    return ValuesPanel(title=metric.name, axis=better, lines=lines[:MOST_LINES])


def effects_of(found: CustomComparison, only: Sequence[str] | None = None) -> EffectsSpec | None:
    """Return one line per variant with a difference from the baseline, best first.

    only: the variants to show, None for all.
    """
    lines = [
        EffectLine(
            variant=row.variant,
            kind=row.kind,
            verdict=row.verdict,
            mean=row.mean,
            low=row.low,
            high=row.high,
            seeds=row.pairs,
        )
        for row in found.rows
        if row.mean is not None and (only is None or row.variant in only)
    ]
    if not any(line.mean for line in lines):
        return None
    sign = 1.0 if found.better == "lower" else -1.0
    lines.sort(key=lambda line: sign * line.mean)
    return EffectsSpec(
        lines=lines[:MOST_LINES],
        left_out=max(0, len(lines) - MOST_LINES),
        title=f"Difference from {found.baseline}",
        axis=f"{found.metric}, variant minus {found.baseline}, with 95 % interval",
        digits=_DIGITS,
        margin=found.smallest,
        noise_floor=None,
    )


def _csv(metrics: Sequence[CustomMetric], versions: Sequence[Version]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = [f"{metric.name}_{part}" for metric in metrics for part in ("mean", "sd", "seeds")]
    writer.writerow(["label", "variant", "kind", "stale", *columns])
    for version in versions:
        cells: list[object] = [version.label, version.variant, version.kind, int(version.stale)]
        for metric in metrics:
            values = version.values(metric.name)
            mean, sd = mean_and_sd(values.values())
            cells += [mean, "" if sd is None else sd, len(values)]
        writer.writerow(cells)
    return out.getvalue()


def _text(spec: ValuesSpec, scores: CustomScores, rows: int) -> str:
    first = spec.values[0]
    best = first.lines[0]
    lines = [
        f"{spec.title}.",
        f"Row by row: {', '.join(panel.title for panel in spec.values)}. {rows} variants.",
        f"First in {first.title}: {best.label} {best.mean:.4g}.",
        spec.footnote,
    ]
    if spec.effects is not None:
        top = spec.effects.lines[0]
        lines.append(
            f"Last panel: {spec.effects.axis}, best first: {top.variant} {top.mean:+.{_DIGITS}f} "
            f"({top.verdict}). compare_variants has the reasons."
        )
    return "\n".join([*lines, *(f"left out: {one}" for one in left_out(scores))])
