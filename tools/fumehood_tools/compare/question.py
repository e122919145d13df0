"""What the comparing child is told: the border between the light parent and numpy's process."""

from pydantic import BaseModel

from fumehood_tools.bench.table_rows import Kind
from fumehood_tools.compare.report import Metric


class Point(BaseModel, frozen=True):
    """One trained and scored SAE."""

    variant: str
    label: str
    kind: Kind
    seed: int
    l0: float
    values: dict[str, float]
    seconds: float
    """Of training and scoring."""


class Question(BaseModel, frozen=True):
    """Everything that is needed to answer."""

    sandbox: str
    setting: str
    metric: Metric
    baseline: str
    variants: list[str] | None
    """Which are shown; the others count among the tries all the same."""
    tries: int
    points: list[Point]
    changes: dict[str, str]
    """Variant -> what bench.verdicts says of its change."""
    warnings: list[str]
    left_out: list[str]
