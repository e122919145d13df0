"""What is drawn: the border between the light parent and the child process that draws."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.bench.table_rows import Kind, Spread
from fumehood_tools.records.parameters import Value

Probing = Literal["top1", "top2", "top5", "all"]


FLOORS = {"1": 1.6, "2": 3.5}
"""Panel -> how many times the range of all others an untrained control may stretch it. In sparse
probing it must be seen, for it is the floor; in explained variance its value will do."""


class PlotPoint(BaseModel, frozen=True):
    """One variant, or a copy of it with other parameters."""

    label: str
    variant: str
    parameters: dict[str, Value]
    kind: Kind
    stale: bool
    skip: bool
    nonlinear: bool
    glass: str
    verdict: str | None
    l0: Spread
    explained_variance: Spread
    probing: Spread | None


class PlotSpec(BaseModel, frozen=True):
    """Everything the drawing child is told."""

    points: list[PlotPoint]
    probing: Probing
    title: str
    footnote: str
    probing_subject: float | None = Field(description="probe on the subject's raw activations")
    font_cache: Path | None = Field(description="where matplotlib keeps its list of fonts")


class Drawn(BaseModel, frozen=True):
    """What the drawing child answers."""

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
    points: int
    unlabelled: list[str] = Field(description="points for whose name there was no room")
    text: str = Field(description="what the plot shows, in words")
