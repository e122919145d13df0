"""The colors of variants in plots and on the page: each has its own, wherever it is drawn. Light.

The colors are dark enough for text on white. Those of baselines are blue to violet. The others are
the vermilion of Okabe and Ito's palette and darker forms of Paul Tol's muted one, which can be told
apart with every common form of color blindness. There are fewer colors than variants may be: from
the ninth on, they come again with other dashes.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fumehood_tools.bench.table_rows import Kind

CONTROL = "#444444"
FIRST_BASELINE = "topk"
_BASELINES = (
    "#0072B2",
    "#4A9CD3",
    "#00496F",
    "#7C6FD0",
    "#1B9AAA",
    "#3F51A3",
    "#5B2A86",
    "#006D77",
)
_CUSTOM = (
    "#B8480A",
    "#117733",
    "#AA4499",
    "#807000",
    "#882255",
    "#2E8B7F",
    "#CC6677",
    "#6B4A2B",
)
_DASHES = ("-", "--", ":")


class Colour(NamedTuple):
    """How a variant is drawn: an "#RRGGBB", and the dashes of its line as matplotlib names them."""

    hex: str
    dashes: str = "-"

    @property
    def pale(self) -> str:
        """The color mixed with white, for bars. Transparent ones would mix with one another."""
        parts = (int(self.hex[at : at + 2], 16) for at in (1, 3, 5))
        return "#" + "".join(f"{round(0.5 * part + 0.5 * 255):02X}" for part in parts)


def colours_of(kinds: Iterable[tuple[str, Kind]]) -> dict[str, Colour]:
    """Return variant -> its color, for variants with their kinds."""
    known: Mapping[str, Kind] = dict(kinds)
    baselines = [name for name, kind in known.items() if kind == "baseline"]
    custom = sorted(name for name, kind in known.items() if kind == "custom")
    baselines.sort(key=lambda name: (name != FIRST_BASELINE, name))
    found = {name: Colour(CONTROL, "-.") for name, kind in known.items() if kind == "control"}
    for names, colours in ((baselines, _BASELINES), (custom, _CUSTOM)):
        for number, name in enumerate(names):
            again = number // len(colours)
            found[name] = Colour(colours[number % len(colours)], _DASHES[again % len(_DASHES)])
    return found
