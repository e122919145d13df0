"""Axes of a panel: grid, scales, limits. Imported by the drawing child only."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

from fumehood_tools.bench.plot_spec import PlotPoint
from fumehood_tools.bench.table_rows import Spread

# A range this many times that of the others squeezes them too much: the subject's own accuracy is
# then left out.
SQUEEZE = 2.5
LOG_FROM = 3.5


def style_axes(axes: Axes, title: str, y_label: str) -> None:
    """Give axes their title, labels and grid."""
    axes.set_title(title, loc="left")
    axes.set_ylabel(y_label)
    axes.set_xlabel("L0 (latents active per token)")
    axes.grid(color="#E6E6E6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))


def scale_x(axes: Axes, spreads: Sequence[Spread]) -> None:
    """Set the limits of L0, on a log scale where it spans much."""
    low = min(spread.mean - (spread.sd or 0) for spread in spreads)
    high = max(spread.mean + (spread.sd or 0) for spread in spreads)
    if low > 0 and high / low > LOG_FROM:
        axes.set_xscale("log")
        margin = (high / low) ** 0.06
        axes.set_xlim(low / margin, high * margin)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        return
    margin_x = 0.12 * (high - low) or max(1.0, 0.05 * abs(high))
    axes.set_xlim(low - margin_x, high + margin_x)


def limits_y(
    values: Sequence[tuple[PlotPoint, Spread]], reference: float | None, floor: float
) -> tuple[float, float]:
    """Return limits that hold all points; the control and the reference only if not too far.

    floor: how many times the range of the others the control may make it.
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
