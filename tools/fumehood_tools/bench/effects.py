"""Draw the panel of effects (a forest plot). Imported by the drawing child only.

One line per variant, best first: its difference from the baseline at the same L0, the 95 %
interval, and its verdict. A filled mark has a verdict of better or worse. Intervals and means that
would squeeze the others together end at the edge in an arrow; their numbers are written beside.
"""

import statistics
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fumehood_tools.bench.colours import Colour
from fumehood_tools.bench.plot_spec import EffectLine, EffectsSpec

LINE, ABOVE, BELOW = 0.26, 0.5, 0.6
"""Inches per line, and above and below the lines for the title and the axis."""
NAMES, NUMBERS = 2.6, 4.4
"""Inches to the left of the lines for names, and to their right for numbers and verdicts."""
_REACH = 5.0
"""Means farther from 0 than this many times the median are drawn at the edge."""
_NAME = 34
_GRAY, _BAND = "#777777", "#EFEDE6"


def height_of(lines: int) -> float:
    """Return the height in inches of a panel with this many lines."""
    return ABOVE + BELOW + LINE * max(2, lines)


def lined_axes(figure: Figure, names: Sequence[str], bottom: float, most_ticks: int) -> Axes:
    """Add a panel with one named line per variant. bottom: inches from the figure's lower edge."""
    width, height = figure.get_size_inches()
    inside = height_of(len(names)) - ABOVE - BELOW
    room = width - NAMES - NUMBERS
    place = (NAMES / width, (bottom + BELOW) / height, room / width, inside / height)
    axes = figure.add_axes(place)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(most_ticks, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(axis="x", color="#E6E6E6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.tick_params(axis="y", length=0, pad=9)
    return axes


def write_beside(axes: Axes, text: str, number: int, colour: str) -> None:
    """Write text to the right of a line."""
    axes.annotate(
        text,
        (1.0, number),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        color=colour,
        annotation_clip=False,
    )


def draw_effects(
    figure: Figure, effects: EffectsSpec, colours: Mapping[str, Colour], bottom: float
) -> None:
    """Draw the panel across a figure. bottom: inches from the figure's lower edge to the panel."""
    names = [_short(line.variant) for line in effects.lines]
    axes = lined_axes(figure, names, bottom, most_ticks=9)
    _frame(axes, effects)
    for number, line in enumerate(effects.lines):
        colour = colours[line.variant].hex
        _interval(axes, number, line, colour)
        text = f"{_numbers(line, effects.digits)}  {line.verdict}"
        write_beside(axes, text, number, colour)


def _frame(axes: Axes, effects: EffectsSpec) -> None:
    """Draw titles, the line at 0, the margin and the noise floor."""
    limit = _limit(effects)
    axes.set_title(effects.title, loc="left")
    axes.set_xlabel(effects.axis + _more(effects))
    axes.set_xlim(-limit, limit)
    axes.axvspan(-effects.margin, effects.margin, color=_BAND, zorder=0)
    axes.axvline(0.0, color=_GRAY, linewidth=1.0, zorder=1)
    if effects.noise_floor is not None and effects.noise_floor < limit:
        for edge in (-effects.noise_floor, effects.noise_floor):
            axes.axvline(edge, color=_GRAY, linewidth=0.8, linestyle=":", zorder=1)


def _interval(axes: Axes, place: int, line: EffectLine, colour: str) -> None:
    """Draw one variant: interval, mean, and an arrow where either leaves the panel."""
    limit = axes.get_xlim()[1]
    low = line.mean if line.low is None else line.low
    high = line.mean if line.high is None else line.high
    left, right = max(low, -limit), min(high, limit)
    if left < right:
        axes.plot([left, right], [place, place], color=colour, linewidth=1.3, zorder=2)
    for beyond, edge, marker in ((low < -limit, -limit, "<"), (high > limit, limit, ">")):
        if beyond:
            axes.plot(edge, place, marker=marker, color=colour, markersize=5, clip_on=False)
    if abs(line.mean) <= limit:
        filled = line.verdict.startswith(("better", "worse"))
        axes.plot(
            line.mean,
            place,
            marker="s" if line.kind == "baseline" else "o",
            markersize=5,
            color=colour,
            markerfacecolor=colour if filled else "white",
            linestyle="",
            zorder=3,
        )


def _limit(effects: EffectsSpec) -> float:
    """Return the largest difference that the axis shows on either side of 0."""
    sizes = [abs(line.mean) for line in effects.lines]
    reach = max(_REACH * statistics.median(sizes), 2 * effects.margin, effects.noise_floor or 0.0)
    shown = [size for size in sizes if size <= reach]
    ends = [
        abs(end)
        for line in effects.lines
        for end in (line.low, line.high)
        if end is not None and abs(end) <= 2 * reach
    ]
    return 1.08 * max([*shown, *ends, 2 * effects.margin])


def _numbers(line: EffectLine, digits: int) -> str:
    if line.low is None or line.high is None:
        return f"{line.mean:+.{digits}f}"
    return f"{line.mean:+.{digits}f} [{line.low:+.{digits}f}, {line.high:+.{digits}f}]"


def _more(effects: EffectsSpec) -> str:
    """Return the rest of the axis label, which explains the lines in the panel."""
    floor = "" if effects.noise_floor is None else "; dotted: noise floor"
    hidden = f"; not drawn: {effects.left_out} more" if effects.left_out else ""
    return f". Filled mark: better or worse. Band: margin of ±{effects.margin:g}{floor}{hidden}"


def _short(name: str) -> str:
    """Return a name, shortened in the middle if it is long."""
    half = _NAME // 2
    return name if len(name) <= _NAME else f"{name[:half]}…{name[-half + 1 :]}"
