"""Axes of a panel: grid, scales, limits. Imported by the drawing child only."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

from fumehood_tools.bench.plot_spec import PlotPoint
from fumehood_tools.bench.table_rows import Spread
from fumehood_tools.registry.metrics import Axis

# The subject's own value is shown only if it lies within this many times the range of the points.
# Farther away it would squeeze them together.
SQUEEZE = 2.5
# L0 gets a log scale when its largest value is more than this many times its smallest.
LOG_FROM = 3.5


def style_axes(axes: Axes, y: Axis, x: Axis) -> None:
    """Set the title, labels, grid and y scale of the axes."""
    axes.set_title(y.title or y.label, loc="left")
    axes.set_ylabel(y.label)
    axes.set_xlabel(x.label)
    axes.grid(color="#E6E6E6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if y.scale == "log":
        axes.set_yscale("log")
        _label_log(axes.yaxis)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))


def scale_x(axes: Axes, spreads: Sequence[Spread]) -> None:
    """Set the limits of the L0 axis, on a log scale if L0 spans more than a factor of LOG_FROM."""
    low = min(spread.mean - (spread.sd or 0) for spread in spreads)
    high = max(spread.mean + (spread.sd or 0) for spread in spreads)
    if low > 0 and high / low > LOG_FROM:
        axes.set_xscale("log")
        margin = (high / low) ** 0.06
        axes.set_xlim(low / margin, high * margin)
        _label_log(axes.xaxis)
        return
    margin_x = 0.12 * (high - low) or max(1.0, 0.05 * abs(high))
    axes.set_xlim(low - margin_x, high + margin_x)


def _label_log(axis: XAxis | YAxis) -> None:
    axis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_formatter(NullFormatter())


def limits_log_y(values: Sequence[tuple[PlotPoint, Spread]]) -> tuple[float, float]:
    """Return the (low, high) limits of a log y axis with all points, which must be positive."""
    low, high = min(spread.mean for _, spread in values), max(spread.mean for _, spread in values)
    margin = max(high / low, 1.1) ** 0.08
    return low / margin, high * margin


def limits_y(
    values: Sequence[tuple[PlotPoint, Spread]], reference: float | None, floor: float
) -> tuple[float, float]:
    """Return the (low, high) limits of a linear y axis.

    All points are inside, except that a control or the reference is left out if it is too far away.
    floor: the largest factor by which a control may stretch the range of the other points.
    """
    rest = [spread for point, spread in values if point.kind != "control"]
    low, high = _range(rest or [spread for _, spread in values])
    width = max(high - low, 0.004)
    for point, spread in values:
        reach = spread.mean - (spread.sd or 0)
        if point.kind == "control" and high - reach <= floor * width:
            low = min(low, reach)
            high = max(high, spread.mean + (spread.sd or 0))
        elif point.kind == "control":
            low = min(low, high - width) - 0.06 * width  # Room for its mark at the edge.
    if reference is not None and reference - low <= SQUEEZE * width:
        high = max(high, reference)
    margin = 0.06 * max(high - low, 0.004)
    return low - margin, high + margin


def _range(spreads: Sequence[Spread]) -> tuple[float, float]:
    return (
        min(spread.mean - (spread.sd or 0) for spread in spreads),
        max(spread.mean + (spread.sd or 0) for spread in spreads),
    )
