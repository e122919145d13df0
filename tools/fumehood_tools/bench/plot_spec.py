"""The data that the light parent sends to the drawing child process, and the child's answer."""

from pathlib import Path

from pydantic import BaseModel, Field

from fumehood_tools.bench.table_rows import Kind, Spread
from fumehood_tools.records.parameters import Value
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.registry.sae_metrics import SPARSITY


class PlotPoint(BaseModel, frozen=True, defer_build=True):
    """One variant, or a copy of it with other parameters."""

    label: str
    variant: str
    parameters: dict[str, Value]
    kind: Kind
    stale: bool
    skip: bool
    nonlinear: bool
    glass: str
    change: str | None
    metrics: dict[str, Spread]

    @property
    def l0(self) -> Spread:
        """The position on the sparsity axis."""
        return self.metrics[SPARSITY]


class PanelSpec(BaseModel, frozen=True, defer_build=True):
    """One panel: a metric over L0. The drawing child knows only the metrics sent to it here."""

    metric: Metric
    reference: float | None = Field(description="the subject's own value")
    reference_name: str


class EffectLine(BaseModel, frozen=True, defer_build=True):
    """One variant in the panel of effects."""

    variant: str
    kind: Kind
    verdict: str
    mean: float
    low: float | None = Field(description="95 % interval; null with fewer than 2 seeds")
    high: float | None
    seeds: int


class EffectsSpec(BaseModel, frozen=True, defer_build=True):
    """The panel of effects: every variant minus the baseline at the same L0, best first."""

    lines: list[EffectLine]
    left_out: int = Field(description="variants that were compared, but are not drawn")
    title: str
    axis: str
    digits: int
    margin: float
    noise_floor: float | None


class PlotSpec(BaseModel, frozen=True, defer_build=True):
    """The whole request to the drawing child."""

    points: list[PlotPoint]
    panels: list[PanelSpec]
    effects: EffectsSpec | None = None
    sparsity: Metric
    title: str
    footnote: str
    font_cache: Path | None = Field(description="folder in which matplotlib stores its font list")

    @property
    def parts(self) -> int:
        """The number of panels, each of which is drawn as a figure of its own, too."""
        return len(self.panels) + (self.effects is not None)


class ValueLine(BaseModel, frozen=True, defer_build=True):
    """One variant in a panel of values. sd: sample standard deviation; null with one seed."""

    variant: str
    label: str
    kind: Kind
    stale: bool
    mean: float
    sd: float | None
    seeds: int


class ValuesPanel(BaseModel, frozen=True, defer_build=True):
    """One metric that has no sparsity to be drawn over: one line per variant, best first."""

    title: str
    axis: str
    lines: list[ValueLine]


class ValuesSpec(BaseModel, frozen=True, defer_build=True):
    """The request to the drawing child for a sandbox with an evaluation of its own."""

    values: list[ValuesPanel]
    effects: EffectsSpec | None = None
    title: str
    footnote: str
    font_cache: Path | None

    @property
    def parts(self) -> int:
        """The number of panels, each of which is drawn as a figure of its own, too."""
        return len(self.values) + (self.effects is not None)


class Drawn(BaseModel, frozen=True):
    """The answer of the drawing child."""

    width: int
    height: int
    unlabelled: list[str]
    off_scale: list[str] = Field(description="points drawn at the edge, with their values")


class PlotFile(BaseModel, frozen=True):
    """A drawn plot, and the numbers in it."""

    png: Path
    svg: Path
    csv: Path
    width: int = Field(description="pixels of the PNG")
    height: int
    panels: int
    points: int
    unlabelled: list[str] = Field(description="points whose name did not fit in the margin")
    text: str = Field(description="what the plot shows, in words")
