"""Draw the panels. Imported by the drawing child only: matplotlib costs 1 s and 60 MB.

A variant's levels of sparsity form one series, joined by a line and named once in the margin.
Every variant has a color of its own (colours.py); kinds differ by marker. Nothing is transparent:
where two lines are the same, their colors would mix to another one's. A control far below the other
points is drawn at the lower edge with its value.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")

from matplotlib.axes import Axes  # noqa: E402  (the backend comes first)
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.text import Text  # noqa: E402

from fumehood_tools.bench.axes import limits_log_y, limits_y, scale_x, style_axes  # noqa: E402
from fumehood_tools.bench.colours import Colour, colours_of  # noqa: E402
from fumehood_tools.bench.effects import draw_effects, height_of  # noqa: E402
from fumehood_tools.bench.name_layout import spread  # noqa: E402
from fumehood_tools.bench.pareto import front  # noqa: E402
from fumehood_tools.bench.plot_spec import (  # noqa: E402
    Drawn,
    EffectsSpec,
    PanelSpec,
    PlotPoint,
    PlotSpec,
)
from fumehood_tools.bench.table_rows import Kind, Spread  # noqa: E402
from fumehood_tools.registry.metrics import Axis, Metric  # noqa: E402

DPI = 110
WIDTH, HEIGHT = {1: 8.4, 2: 15.0}, 6.4
"""Width of a figure by its number of columns (two at most), and height of each row, in inches."""
EDGE, TITLE, LEGEND, FOOTNOTE = 0.832, 0.288, 0.32, 0.128
"""Inches from the figure's edge to its panels, to the title and legend above, and to the text below
them."""
LEFT, MARGIN = 0.8, 1.9
"""Inches to the left of a panel for its axis, and to its right for names."""
NAMES_FROM = 0.3
"""Inches between a panel and its names; the lines from points to names are drawn there."""
FRONT = "#9A9A9A"


class Style(NamedTuple):
    """How one kind of point looks."""

    marker: str
    size: float
    line: float
    meaning: str


STYLES: dict[Kind, Style] = {
    "custom": Style("o", 5.0, 0.9, "variant"),
    "baseline": Style("s", 4.5, 2.0, "baseline (packaged)"),
    "control": Style("X", 6.5, 1.0, "control (untrained)"),
}
"""A variant's line is thinner than a baseline's: on top of it, both can be seen."""
INK = "#222222"


class Panel(NamedTuple):
    """One panel: what it shows, and the points with their y values."""

    spec: PanelSpec
    sparsity: Metric
    values: list[tuple[PlotPoint, Spread]]
    colours: Mapping[str, Colour]

    @property
    def axis(self) -> Axis:
        """The axis settings of the panel's metric."""
        return self.spec.metric.drawn


class Mark(NamedTuple):
    """One point in a panel."""

    point: PlotPoint
    x: float
    y: float
    spread: Spread
    off_scale: bool


class Shown(NamedTuple):
    """The points that could not be drawn with their name or at their value."""

    unlabelled: set[str]
    off_scale: list[str]


def draw(spec: PlotSpec, target: Path) -> Drawn:
    """Draw all panels into target's PNG and SVG, and each into <target>-1, <target>-2, …"""
    matplotlib.rcParams.update(
        {"svg.hashsalt": "fumehood", "font.size": 9, "axes.titlesize": 10, "axes.labelsize": 9}
    )
    effects = spec.effects.lines if spec.effects else []
    kinds = [(line.variant, line.kind) for line in effects]
    colours = colours_of([*kinds, *((point.variant, point.kind) for point in spec.points)])
    panels = [Panel(one, spec.sparsity, _values(spec, one), colours) for one in spec.panels]
    shown = _figure(spec, panels, target, spec.effects)
    for number, panel in enumerate(panels, 1):
        _figure(spec, [panel], target.with_name(f"{target.stem}-{number}.png"))
    if spec.effects is not None:
        _effects_alone(spec, colours, target.with_name(f"{target.stem}-{len(panels) + 1}.png"))
    rows, columns = _grid(len(panels))
    strip = height_of(len(spec.effects.lines)) if spec.effects else 0.0
    return Drawn(
        width=round(WIDTH[columns] * DPI),
        height=round((HEIGHT * rows + strip) * DPI),
        unlabelled=sorted(shown.unlabelled),
        off_scale=shown.off_scale,
    )


def _values(spec: PlotSpec, panel: PanelSpec) -> list[tuple[PlotPoint, Spread]]:
    """Return the points that a panel can show; on a log scale only those above 0."""
    key, log = panel.metric.key, panel.metric.drawn.scale == "log"
    return [
        (point, found)
        for point in spec.points
        if (found := point.metrics.get(key)) is not None and not (log and found.mean <= 0)
    ]


def _grid(panels: int) -> tuple[int, int]:
    """Return the rows and columns of a figure."""
    columns = min(panels, max(WIDTH))
    return -(-panels // columns), columns


def _figure(
    spec: PlotSpec, panels: Sequence[Panel], target: Path, effects: EffectsSpec | None = None
) -> Shown:
    """Draw panels in a grid, and the effects, if any, in a strip below it. Write PNG and SVG."""
    rows, columns = _grid(len(panels))
    strip = height_of(len(effects.lines)) if effects else 0.0
    width, height = WIDTH[columns], HEIGHT * rows + strip
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).flat
    figure.subplots_adjust(
        left=LEFT / width,
        right=1 - MARGIN / width,
        top=1 - EDGE / height,
        bottom=(EDGE + strip) / height,
        wspace=(MARGIN + LEFT + 0.05) / ((width - columns * (MARGIN + LEFT)) / columns),
        hspace=0.26 / 0.74,
    )
    figure.text(LEFT / width, 1 - TITLE / height, spec.title, fontsize=10.5, weight="bold")
    footnote = spec.footnote if columns > 1 else spec.footnote.replace(". ", ".\n", 1)
    figure.text(LEFT / width, FOOTNOTE / height, footnote, fontsize=7.5, color="#444444")
    _legend(figure, {point.kind for point in spec.points}, width, height)
    if effects:
        draw_effects(figure, effects, panels[0].colours, bottom=2 * FOOTNOTE)
    for one in axes[len(panels) :]:
        one.set_axis_off()
    shown = Shown(set(), [])
    for one, panel in zip(axes, panels, strict=False):
        found = _panel(one, panel) if panel.values else _empty(one, panel)
        shown = Shown(shown.unlabelled | found.unlabelled, [*shown.off_scale, *found.off_scale])
    save(figure, target)
    return shown


def save(figure: Figure, target: Path) -> None:
    """Write a figure as PNG and SVG, the same bytes for the same figure."""
    figure.savefig(target, dpi=DPI, metadata={"Software": None})
    figure.savefig(target.with_suffix(".svg"), metadata={"Date": None})


def _effects_alone(spec: PlotSpec, colours: Mapping[str, Colour], target: Path) -> None:
    """Draw the panel of effects as a figure of its own."""
    assert spec.effects is not None, "no effects"
    width, height = WIDTH[2], height_of(len(spec.effects.lines)) + EDGE
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(LEFT / width, 1 - TITLE / height, spec.title, fontsize=10.5, weight="bold")
    draw_effects(figure, spec.effects, colours, bottom=0.0)
    save(figure, target)


def _legend(figure: Figure, kinds: set[Kind], width: float, height: float) -> None:
    shown = [style for kind, style in STYLES.items() if kind in kinds]
    handles = [
        Line2D([], [], color=INK, marker=s.marker, markersize=s.size, lw=s.line) for s in shown
    ]
    figure.legend(
        handles=[*handles, Line2D([], [], color=FRONT, lw=1.0, ls=":")],
        labels=[*(style.meaning for style in shown), "Pareto front"],
        loc="upper left",
        bbox_to_anchor=((LEFT - 0.05) / width, 1 - LEGEND / height),
        ncols=len(handles) + 1,
        frameon=False,
        fontsize=8,
        handletextpad=0.4,
        columnspacing=1.4,
    )


def _empty(axes: Axes, panel: Panel) -> Shown:
    axes.set_title(panel.axis.title or panel.axis.label, loc="left")
    axes.set_axis_off()
    said = panel.axis.absent or f"{panel.spec.metric.words} was not measured"
    axes.text(0.5, 0.5, said, ha="center", transform=axes.transAxes, color="#444444")
    return Shown(set(), [])


def _panel(axes: Axes, panel: Panel) -> Shown:
    """Draw one panel: Pareto front, series, reference line, names."""
    style_axes(axes, panel.axis, panel.sparsity.drawn)
    scale_x(axes, [point.l0 for point, _ in panel.values])
    reference = panel.spec.reference
    if panel.axis.scale == "log":
        bottom, top = limits_log_y(panel.values)
        edge = bottom
    else:
        bottom, top = limits_y(panel.values, reference, panel.axis.reach)
        edge = bottom + 0.03 * (top - bottom)
    axes.set_ylim(bottom, top)
    series = _series(panel, bottom, edge)
    _front(axes, series, panel.spec.metric)
    for marks in sorted(series, key=lambda some: some[0].point.kind == "custom"):
        _draw_series(axes, marks, panel.colours[marks[0].point.variant])
    if reference is not None:
        _reference(axes, reference, panel.spec.reference_name)
    unlabelled = _name_all(axes, series, panel.colours)
    off = [_name(mark) for marks in series for mark in marks if mark.off_scale]
    return Shown(unlabelled, off)


def _series(panel: Panel, bottom: float, edge: float) -> list[list[Mark]]:
    """Return one list of marks per variant, each in order of L0."""
    by_variant: dict[str, list[tuple[PlotPoint, Spread]]] = defaultdict(list)
    for point, value in panel.values:
        by_variant[point.variant].append((point, value))
    series = []
    for some in by_variant.values():
        marks = [
            Mark(
                point,
                point.l0.mean,
                max(value.mean, edge),
                value,
                value.mean < bottom,
            )
            for point, value in some
        ]
        series.append(sorted(marks, key=lambda mark: mark.x))
    return series


def _front(axes: Axes, series: Sequence[Sequence[Mark]], metric: Metric) -> None:
    if metric.better == "neither":
        return
    marks = [
        mark
        for some in series
        for mark in some
        if mark.point.kind != "control" and not mark.off_scale
    ]
    best = [marks[index] for index in front([(mark.x, metric.sign * mark.y) for mark in marks])]
    if len(best) > 1:
        xs, ys = [mark.x for mark in best], [mark.y for mark in best]
        axes.step(xs, ys, where="post", color=FRONT, linewidth=1.0, linestyle=":", zorder=1)


def _draw_series(axes: Axes, marks: Sequence[Mark], colour: Colour) -> None:
    style = STYLES[marks[0].point.kind]
    whole = [mark for mark in marks if not mark.off_scale]
    xs, ys = [mark.x for mark in whole], [mark.y for mark in whole]
    axes.plot(xs, ys, color=colour.hex, lw=style.line, ls=colour.dashes, zorder=2)
    for mark in marks:
        if mark.point.kind == "control" and len(marks) == 1 and not mark.off_scale:
            # A horizontal line shows the value of an untrained dictionary. If the control has
            # several levels, the line that joins them shows it.
            axes.axhline(mark.y, color=colour.hex, lw=style.line, ls=colour.dashes, zorder=1)
        _mark(axes, mark, style, colour)


def _mark(axes: Axes, mark: Mark, style: Style, colour: Colour) -> None:
    bars = mark.spread.sd is not None or mark.point.l0.sd is not None
    if bars and not mark.off_scale:
        axes.errorbar(
            mark.x,
            mark.y,
            xerr=mark.point.l0.sd,
            yerr=mark.spread.sd,
            ecolor=colour.pale,
            elinewidth=0.9,
            fmt="none",
            zorder=1.5,
        )
    hollow = mark.point.stale
    axes.plot(
        mark.x,
        mark.y,
        marker="v" if mark.off_scale else style.marker,
        markersize=style.size,
        color=colour.hex,
        markerfacecolor="white" if hollow else colour.hex,
        markeredgecolor=colour.hex if hollow else "white",
        markeredgewidth=1.0 if hollow else 0.5,
        linestyle="",
        clip_on=False,
        zorder=3,
    )


def _reference(axes: Axes, value: float, name: str) -> None:
    """Draw a line at the subject's own value; if it is off the axis, an arrow in the title."""
    bottom, top = axes.get_ylim()
    if bottom <= value <= top:
        axes.axhline(value, color="#777777", linestyle="--", linewidth=1.0)
    arrow = "" if bottom <= value <= top else "↑ " if value > top else "↓ "
    axes.set_title(
        f"{arrow}{name}: {value:.3f}",
        loc="right",
        fontsize=8,
        color="#555555",
    )


def _name_all(
    axes: Axes, series: Sequence[Sequence[Mark]], colours: Mapping[str, Colour]
) -> set[str]:
    """Write each variant's name in the margin; return the names that did not fit."""
    figure = axes.get_figure(root=True)
    assert figure is not None, "axes without a figure"
    box = axes.get_window_extent()
    size = 8.0 if len(series) <= 28 else 7.0 if len(series) <= 36 else 6.0
    ends = [max(marks, key=lambda mark: mark.x) for marks in series]
    places = [axes.transData.transform((mark.x, mark.y)) for mark in ends]
    height = size * DPI / 72 * 1.18
    spots = spread([float(y) for _, y in places], height, box.y0, box.y1)
    left = box.x1 + NAMES_FROM * DPI
    width, tall = figure.bbox.width, figure.bbox.height
    unlabelled = set()
    for mark, (x, y), spot in zip(ends, places, spots, strict=True):
        colour = colours[mark.point.variant]
        if spot is None:
            unlabelled.add(mark.point.variant)
            continue
        name = figure.text(
            left / width, spot / tall, "", fontsize=size, color=colour.hex, va="center"
        )
        _write(name, mark)
        line = Line2D(
            [(x + 5) / width, (box.x1 + 0.06 * DPI) / width, (left - 4) / width],
            [y / tall, y / tall, spot / tall],
            transform=figure.transFigure,
            color=colour.pale,
            linewidth=0.6,
            zorder=1,
        )
        figure.add_artist(line)
    return unlabelled


def _write(text: Text, mark: Mark) -> None:
    """Set text to the mark's name, shortened in the middle until it fits in the margin."""
    room = (MARGIN - NAMES_FROM) * DPI - 3
    kept = len(mark.point.variant)
    text.set_text(_name(mark))
    while text.get_window_extent().width > room and kept > 2:
        kept -= 1
        text.set_text(_name(mark, kept))


def _name(mark: Mark, kept: int | None = None) -> str:
    """Return the name of a mark. kept: characters of the variant's name to show, None for all."""
    name = mark.point.variant
    if kept is not None:
        name = f"{name[: -(-kept // 2)]}…{name[len(name) - kept // 2 :]}"
    star = "*" if mark.point.stale else ""
    value = f" {mark.spread.mean:.3f}, off scale" if mark.off_scale else ""
    return f"{name}{star}{value}"
