"""What the comparing child is told: the border between the light parent and numpy's process."""

from pydantic import BaseModel, Field

from fumehood_tools.bench.table_rows import Kind
from fumehood_tools.registry.metrics import Metric


class ScoredSae(BaseModel, frozen=True):
    """One trained and scored SAE."""

    variant: str
    label: str
    kind: Kind
    seed: int
    l0: float
    values: dict[str, float]
    """Metrics; what some of them are at noise is among them where it was measured."""
    seconds: float
    """Of training and scoring."""
    work: float | None = None
    """Processor seconds of the training; None in older records."""
    weights: float | None = None
    """Bytes of the weights over a plain SAE's; None in older records."""
    trained_here: bool = True
    nonlinear: bool = False
    scored_at_noise: float = 0.0


class Rival(BaseModel, frozen=True):
    """The baseline as it is when it is trained in another way, on the same data."""

    words: str
    """How: "lr 0.002"."""
    points: list[ScoredSae]


class Question(BaseModel, frozen=True, defer_build=True):
    """Everything that is needed to answer."""

    sandbox: str
    setting: str
    metric: Metric
    beside: tuple[Metric, ...]
    """Metrics that are shown and not judged. The child knows no metrics but these."""
    baseline: str
    variants: list[str] | None
    """Which are shown; the others count among the tries all the same."""
    tries: int
    points: list[ScoredSae]
    changes: dict[str, str]
    """Variant -> what bench.verdicts says of its change."""
    warnings: list[str]
    left_out: list[str]
    otherwise: list[str] = Field(default_factory=list)
    """What sandbox.toml sets otherwise than the template."""
    doubts: dict[str, str] = Field(default_factory=dict)
    """Variant -> why a gain of it may be one over a badly trained baseline only, and how to show
    that it isn't. An empty text: that has been shown, if all rivals are beaten."""
    rivals: list[Rival] = Field(default_factory=list)
    gone: dict[str, str] = Field(default_factory=dict)
    """Variant (or baseline) -> which of its seeds were deleted, withdrawn, or failed."""
