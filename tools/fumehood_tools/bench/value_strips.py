"""Draw metrics that no sparsity belongs to: one strip per metric, one line per variant, best first.

Imported by the drawing child only. Below the strips is the panel of effects, if there is one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fumehood_tools.bench.colours import Colour, colours_of
from fumehood_tools.bench.drawing import DPI, EDGE, FOOTNOTE, LEFT, STYLES, TITLE, save
from fumehood_tools.bench.effects import draw_effects, height_of, lined_axes, write_beside
from fumehood_tools.bench.plot_spec import Drawn, EffectsSpec, ValueLine, ValuesPanel, ValuesSpec

WIDTH = 12.0
"""Inches; of these, effects.NAMES are for names, and effects.NUMBERS for numbers."""


def draw_values(spec: ValuesSpec, target: Path) -> Drawn:
    """Draw all strips into target's PNG and SVG, and each into <target>-1, <target>-2, …"""
    named = [(line.variant, line.kind) for panel in spec.values for line in panel.lines]
    effects = spec.effects.lines if spec.effects else []
    colours = colours_of([*((line.variant, line.kind) for line in effects), *named])
    height = _figure(spec, spec.values, spec.effects, colours, target)
    alone: list[tuple[list[ValuesPanel], EffectsSpec | None]] = [([p], None) for p in spec.values]
    alone += [([], spec.effects)] if spec.effects else []
    for number, (panels, last) in enumerate(alone, 1):
        _figure(spec, panels, last, colours, target.with_name(f"{target.stem}-{number}.png"))
    return Drawn(width=round(WIDTH * DPI), height=round(height * DPI), unlabelled=[], off_scale=[])


def _figure(
    spec: ValuesSpec,
    panels: Sequence[ValuesPanel],
    effects: EffectsSpec | None,
    colours: Mapping[str, Colour],
    target: Path,
) -> float:
    """Draw strips from the top down and the effects below them; return the height in inches."""
    below = height_of(len(effects.lines)) if effects else 0.0
    height = sum(height_of(len(panel.lines)) for panel in panels) + below + EDGE
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(LEFT / WIDTH, 1 - TITLE / height, spec.title, fontsize=10.5, weight="bold")
    figure.text(LEFT / WIDTH, FOOTNOTE / height, spec.footnote, fontsize=7.5, color="#444444")
    top = height - EDGE / 2
    for panel in panels:
        top -= height_of(len(panel.lines))
        _strip(figure, panel, colours, bottom=top)
    if effects:
        draw_effects(figure, effects, colours, bottom=2 * FOOTNOTE)
    save(figure, target)
    return height


def _strip(
    figure: Figure, panel: ValuesPanel, colours: Mapping[str, Colour], bottom: float
) -> None:
    """Draw one metric across a figure. bottom: inches from the figure's lower edge."""
    names = [f"{line.label}{'*' * line.stale}" for line in panel.lines]
    axes = lined_axes(figure, names, bottom, most_ticks=7)
    axes.set_title(panel.title, loc="left")
    axes.set_xlabel(panel.axis)
    for number, line in enumerate(panel.lines):
        colour, style = colours[line.variant], STYLES[line.kind]
        axes.errorbar(
            line.mean,
            number,
            xerr=line.sd,
            color=colour.hex,
            ecolor=colour.pale,
            marker=style.marker,
            markersize=style.size,
            markerfacecolor="white" if line.stale else colour.hex,
        )
        write_beside(axes, _numbers(line), number, colour.hex)


def _numbers(line: ValueLine) -> str:
    spread = "" if line.sd is None else f" ± {line.sd:.2g}"
    return f"{line.mean:.4g}{spread} ({line.seeds} seed{'s' * (line.seeds > 1)})"
