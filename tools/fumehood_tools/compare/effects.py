"""The panel of effects (a forest plot) of a comparison, as data for plot and page. Light."""

from collections.abc import Collection

from fumehood_tools.bench.plot_spec import EffectLine, EffectsSpec
from fumehood_tools.compare.report import Comparison
from fumehood_tools.registry.lookup import metric_named

MOST_LINES = 40


def effects_of(found: Comparison, only: Collection[str] | None = None) -> EffectsSpec | None:
    """Return one line per variant with an effect, best first; None if there is none.

    only: the variants to show, None for all.
    """
    metric = metric_named(found.metric)
    rows = [row for row in found.rows if row.effect and (only is None or row.variant in only)]
    lines = [
        EffectLine(
            variant=row.variant,
            kind="baseline" if row.packaged else "custom",
            verdict=row.verdict_text,
            mean=row.effect.mean,
            low=row.effect.low,
            high=row.effect.high,
            seeds=row.effect.seeds,
        )
        for row in rows
        if row.effect
    ]
    if not lines:
        return None
    lines.sort(key=lambda line: -metric.sign * line.mean)
    return EffectsSpec(
        lines=lines[:MOST_LINES],
        left_out=max(0, len(lines) - MOST_LINES),
        title=f"Difference from {found.baseline} at the same L0",
        axis=f"{metric.words}, variant minus {found.baseline}, with 95 % interval",
        digits=metric.digits,
        margin=found.margin,
        noise_floor=found.noise_floor,
    )
