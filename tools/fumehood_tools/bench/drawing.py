"""Draw the two panels. Imported by the drawing child only: matplotlib costs 1 s and 60 MB.

Colours are Okabe and Ito's, told apart in every common colour blindness; kinds also differ by
marker. A control far below the others is drawn at the lower edge with its value, not left out.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")

from matplotlib.axes import Axes  # noqa: E402  (the backend comes first)
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.ticker import (  # noqa: E402
    LogLocator,
    MaxNLocator,
    NullFormatter,
    ScalarFormatter,
)
from matplotlib.transforms import BboxBase  # noqa: E402

from fumehood_tools.bench.labels import Box, Item, leader, place_labels  # noqa: E402
from fumehood_tools.bench.plot_spec import Drawn, PlotSpec, Point, Probing  # noqa: E402
from fumehood_tools.bench.table import Kind, Spread  # noqa: E402

INCHES = (12.8, 5.7)
DPI = 110
LONGEST_NAME = 26
CROWDED = 14
# A range this many times that of the others would squeeze them into a line.
SQUEEZE = 2.5
LOG_FROM = 10


class Style(NamedTuple):
    """How one kind of point looks."""

    colour: str
    marker: str
    size: float
    meaning: str


STYLES: dict[Kind, Style] = {
    "custom": Style("#B8480A", "o", 6.5, "variant"),
    "baseline": Style("#0072B2", "s", 6.0, "baseline (packaged)"),
    "control": Style("#444444", "X", 7.5, "control (untrained)"),
}

_LATENTS: dict[Probing, str] = {
    "top1": "best latent",
    "top2": "best 2 latents",
    "top5": "best 5 latents",
    "all": "all latents",
}


class Panel(NamedTuple):
    """What could not be shown as it is."""

    unlabelled: set[str]
    off_scale: list[str]


class Mark(NamedTuple):
    """One point in one panel."""

    point: Point
    x: float
    y: float
    spread: Spread
    off_scale: bool


def draw(spec: PlotSpec, png: Path, svg: Path) -> Drawn:
    """Draw spec into png and svg."""
    matplotlib.rcParams.update(
        {"svg.hashsalt": "fumehood", "font.size": 9, "axes.titlesize": 10, "axes.labelsize": 9}
    )
    figure = Figure(figsize=INCHES, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.06, right=0.985, top=0.865, bottom=0.145, wspace=0.15)
    figure.text(0.06, 0.95, spec.title, fontsize=11, weight="bold")
    figure.text(0.06, 0.025, spec.footnote, fontsize=8, color="#444444")
    _legend(figure, {point.kind for point in spec.points})
    drawn = _panel(
        left,
        [(point, point.explained_variance) for point in spec.points],
        ("Reconstruction", "explained variance (centred)"),
        None,
    )
    probed = [(point, point.probing) for point in spec.points if point.probing is not None]
    heading = (
        "Sparse probing",
        f"probe accuracy, {_LATENTS[spec.probing]}",
    )
    if probed:
        more = _panel(right, probed, heading, spec.probing_subject)
        drawn = Panel(drawn.unlabelled | more.unlabelled, [*drawn.off_scale, *more.off_scale])
    else:
        _empty(right, heading[0])
    figure.savefig(png, dpi=DPI, metadata={"Software": None})
    figure.savefig(svg, metadata={"Date": None})
    return Drawn(
        width=round(INCHES[0] * DPI),
        height=round(INCHES[1] * DPI),
        unlabelled=sorted(drawn.unlabelled),
        off_scale=drawn.off_scale,
    )


def _legend(figure: Figure, kinds: set[Kind]) -> None:
    handles = [
        Line2D([], [], color=s.colour, marker=s.marker, markersize=s.size, ls="", label=s.meaning)
        for kind, s in STYLES.items()
        if kind in kinds
    ]
    figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(0.99, 0.995),
        ncols=len(handles),
        frameon=False,
        fontsize=9,
        handletextpad=0.2,
    )


def _empty(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left")
    axes.set_axis_off()
    said = "sparse probing was not measured\n(scoring.probing_tasks in sandbox.toml)"
    axes.text(0.5, 0.5, said, ha="center", transform=axes.transAxes, color="#444444")


def _panel(
    axes: Axes,
    values: Sequence[tuple[Point, Spread]],
    heading: tuple[str, str],
    reference: float | None,
) -> Panel:
    """Draw one panel of points with their y values."""
    axes.set_title(heading[0], loc="left")
    axes.set_ylabel(heading[1])
    axes.set_xlabel("L0 (latents active per token)")
    axes.grid(color="#E6E6E6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    _scale_x(axes, [point.l0 for point, _ in values])
    bottom, top = _limits_y(values, reference)
    axes.set_ylim(bottom, top)
    axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    edge = bottom + 0.03 * (top - bottom)
    marks = [
        Mark(point, point.l0.mean, max(spread.mean, edge), spread, spread.mean < bottom)
        for point, spread in values
    ]
    for mark in sorted(marks, key=lambda mark: mark.point.kind == "custom"):
        _mark(axes, mark)
    obstacles = [_reference(axes, reference)] if reference is not None else []
    unlabelled = _label(axes, marks, obstacles)
    return Panel(unlabelled, [_name(mark) for mark in marks if mark.off_scale])


def _scale_x(axes: Axes, spreads: Sequence[Spread]) -> None:
    low = min(spread.mean - (spread.sd or 0) for spread in spreads)
    high = max(spread.mean + (spread.sd or 0) for spread in spreads)
    if low > 0 and high / low > LOG_FROM:
        axes.set_xscale("log")
        margin = (high / low) ** 0.08
        axes.set_xlim(low / margin, high * margin)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        return
    margin_x = 0.12 * (high - low) or max(1.0, 0.05 * abs(high))
    axes.set_xlim(low - margin_x, high + margin_x)


def _limits_y(
    values: Sequence[tuple[Point, Spread]], reference: float | None
) -> tuple[float, float]:
    """Return limits that hold all points; the control and the reference only if not too far."""
    rest = [spread for point, spread in values if point.kind != "control"]
    low, high = _range(rest or [spread for _, spread in values])
    width = max(high - low, 0.004)
    for point, spread in values:
        reach = spread.mean - (spread.sd or 0)
        if point.kind == "control" and high - reach <= SQUEEZE * width:
            low = min(low, reach)
            high = max(high, spread.mean + (spread.sd or 0))
        elif point.kind == "control":
            low = min(low, high - width) - 0.12 * width  # Room for its label at the edge.
    if reference is not None and reference - low <= SQUEEZE * width:
        high = max(high, reference)
    margin = 0.09 * max(high - low, 0.004)
    return low - margin, high + margin


def _range(spreads: Sequence[Spread]) -> tuple[float, float]:
    return (
        min(spread.mean - (spread.sd or 0) for spread in spreads),
        max(spread.mean + (spread.sd or 0) for spread in spreads),
    )


def _mark(axes: Axes, mark: Mark) -> None:
    style = STYLES[mark.point.kind]
    if not mark.off_scale and (mark.spread.sd is not None or mark.point.l0.sd is not None):
        axes.errorbar(
            mark.x,
            mark.y,
            xerr=mark.point.l0.sd,
            yerr=mark.spread.sd,
            ecolor=style.colour,
            elinewidth=0.9,
            alpha=0.4,
            fmt="none",
        )
    axes.plot(
        mark.x,
        mark.y,
        marker="v" if mark.off_scale else style.marker,
        markersize=style.size,
        color=style.colour,
        markerfacecolor="white" if mark.point.stale else style.colour,
        markeredgecolor=style.colour if mark.point.stale else "white",
        markeredgewidth=1.0 if mark.point.stale else 0.6,
        linestyle="",
        clip_on=False,
    )


def _reference(axes: Axes, value: float) -> Box:
    """Draw the subject's own accuracy; return the box of its caption, in pixels."""
    bottom, top = axes.get_ylim()
    inside = bottom <= value <= top
    if inside:
        axes.axhline(value, color="#777777", linestyle="--", linewidth=1.0)
    arrow = "" if inside else "↑ " if value > top else "↓ "
    caption = axes.annotate(
        f"{arrow}probe on the subject's raw activations: {value:.3f}",
        (0.01, value if inside else (0.99 if value > top else 0.01)),
        xycoords=axes.get_yaxis_transform() if inside else axes.transAxes,
        xytext=(0, -3 if inside or value > top else 3),
        textcoords="offset points",
        va="top" if inside or value > top else "bottom",
        fontsize=8,
        color="#555555",
    )
    return _box(caption.get_window_extent())


def _label(axes: Axes, marks: Sequence[Mark], obstacles: Sequence[Box]) -> set[str]:
    """Write the names beside the points; return those that found no room."""
    figure = axes.get_figure(root=True)
    assert figure is not None, "axes without a figure"
    size = 8.0 if len(marks) <= CROWDED else 7.0
    texts = [
        figure.text(0, 0, _name(mark), fontsize=size, color=STYLES[mark.point.kind].colour)
        for mark in marks
    ]
    items = []
    for mark, text in zip(marks, texts, strict=True):
        x, y = axes.transData.transform((mark.x, mark.y))
        extent = text.get_window_extent()
        items.append(Item(float(x), float(y), extent.width, extent.height))
    placed = place_labels(items, _box(axes.get_window_extent()), obstacles)
    width, height = figure.bbox.width, figure.bbox.height
    for item, text, box in zip(items, texts, placed.boxes, strict=True):
        if box is None:
            text.remove()
            continue
        text.set_position((box.left / width, box.bottom / height))
        text.set_verticalalignment("bottom")
        text.set_bbox({"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.3})
        x0, y0, x1, y1 = leader(item, box)
        if math.hypot(x1 - x0, y1 - y0) > 14:
            line = Line2D(
                [x0 / width, x1 / width],
                [y0 / height, y1 / height],
                transform=figure.transFigure,
                color="#999999",
                linewidth=0.6,
                zorder=1,
            )
            figure.add_artist(line)
    return {marks[index].point.variant for index in placed.left_out}


def _name(mark: Mark) -> str:
    name = mark.point.variant
    if len(name) > LONGEST_NAME:
        half = LONGEST_NAME // 2
        name = f"{name[:half]}…{name[-half + 1 :]}"
    star = "*" if mark.point.stale else ""
    value = f" {mark.spread.mean:.3f}, off scale" if mark.off_scale else ""
    return f"{name}{star}{value}"


def _box(extent: BboxBase) -> Box:
    return Box(extent.x0, extent.y0, extent.x1, extent.y1)
