"""The request to the comparison child process, which has numpy; the parent does not import it."""

from pydantic import BaseModel, Field

from fumehood_tools.bench.table_rows import Kind
from fumehood_tools.records.parameters import Value
from fumehood_tools.registry.metrics import Metric


class ScoredSae(BaseModel, frozen=True):
    """One trained and scored SAE."""

    variant: str
    label: str
    parameters: dict[str, Value] = {}
    """What a copy changes in the file, for run_variants' grid."""
    knob: str | None = None
    """The constant that the file declares as its KNOB."""
    kind: Kind
    seed: int
    l0: float
    values: dict[str, float]
    """Metric -> value, including values at noise where they were measured."""
    seconds: float
    """Wall time of training and scoring."""
    work: float | None = None
    """Processor seconds of the training; None in older records."""
    weights: float | None = None
    """Bytes of the weights, relative to a plain SAE's; None in older records."""
    weights_sha256: str | None = None
    """Digest of the weights file; None: unknown."""
    trained_here: bool = True
    nonlinear: bool = False
    scored_at_noise: float = 0.0


class ChangeSaid(BaseModel, frozen=True):
    """What the change of a variant did: the strongest word over its levels."""

    word: str
    parent: str


class Doubt(BaseModel, frozen=True):
    """Why a gain may only mean that the baseline is badly trained.

    An empty reason: it is ruled out if the variant beats all rivals.
    """

    reason: str = ""
    training: dict[str, int | float] | None = None
    """How the baseline must be trained to rule it out, for the argument of run_variants. None: no
    training can."""


class Rival(BaseModel, frozen=True):
    """The baseline trained in another way on the same data."""

    words: str
    """How it was trained, for instance "lr 0.002"."""
    training: dict[str, int | float] = {}
    """The same for the argument of run_variants."""
    setting: str = ""
    """Name of the setting."""
    points: list[ScoredSae]


class Question(BaseModel, frozen=True, defer_build=True):
    """Everything that is needed to compute a comparison."""

    sandbox: str
    setting: str
    asked_setting: str | None = None
    """The same where calls must name it; None: it is the usual one."""
    training: dict[str, int | float] = {}
    """Values of [training] that this setting has instead of sandbox.toml's, for run_variants."""
    metric: Metric
    beside: tuple[Metric, ...]
    """Metrics that are shown but not judged. The child knows only these and `metric`."""
    baseline: str
    variants: list[str] | None
    """The variants to show, None for all. The others still count among the tries."""
    tries: int
    tries_here: int = 0
    """Those of them that were made in this setting of this sandbox."""
    points: list[ScoredSae]
    changes: dict[str, ChangeSaid]
    """Variant -> what its change did, according to bench.changes."""
    warnings: list[str]
    left_out: list[str]
    otherwise: list[str] = Field(default_factory=list)
    """Settings that differ from the template, in words."""
    doubts: dict[str, Doubt] = Field(default_factory=dict)
    """Variant -> what must be shown before its gain counts."""
    rivals: list[Rival] = Field(default_factory=list)
    gone: dict[str, str] = Field(default_factory=dict)
    """Variant or baseline -> its seeds that were deleted, withdrawn, or failed, in words."""
    lost: dict[str, list[int]] = Field(default_factory=dict)
    """Variant or baseline -> those of them that were deleted or withdrawn."""
    most_l0: float | None = None
    """The largest L0 that run_variants accepts as a target."""
    missed: dict[str, list[float]] = Field(default_factory=dict)
    """File (see `labelling.trained_as`) -> L0 targets that were searched for in vain."""
    looks: dict[str, int] = Field(default_factory=dict)
    """Variant -> which look this is at it (see `looks`); absent: the first, as far as is known."""
    planned_looks: int = 0
    """Looks that a plan allows, among which alpha is divided evenly. 0: there is no plan."""
    stops: int = 0
    """Trainings of the plan that were stopped, which may have been chosen by their logs."""
    times_for_stops: int = 1
    """The number by which p is multiplied for them."""
    few_steps: int | None = None
    """The number of training steps where it is small (see `training`); None: it is not."""
    failing: list[str] = Field(default_factory=list)
    """Variants some of whose seeds failed, so that a repetition of the run gives no score."""

    def why_planned(self, times: int) -> str:
        """Return why p is multiplied by a number in a plan."""
        looks = f"the {self.planned_looks} look{'s' * (self.planned_looks > 1)} of the plan"
        if not self.stops:
            return f"p is multiplied by {looks}"
        were = "a training was" if self.stops == 1 else f"{self.stops} trainings were"
        return f"p is multiplied by {times}, for {looks} and because {were} stopped"


class PowerAsked(BaseModel, frozen=True):
    """A planned experiment whose power is asked for."""

    metric: Metric
    baseline: str
    points: list[ScoredSae]
    """SAEs of the baseline in this setting; empty if it was not run yet."""
    smallest_effect: float
    seeds: int | None
    """Seeds of both sides; None: as many as are needed."""
    tries: int
    """What p will be multiplied by: variants tried, times looks."""


class PowerFound(BaseModel, frozen=True):
    """What a planned experiment can detect."""

    noise: float | None
    """Standard deviation over seeds of a difference; None: not measured."""
    seeds: int
    """The seeds that were asked about, or those that are advised."""
    freedom: int = 0
    """Degrees of freedom of the noise: how well it is known."""
    detectable: float | None = None
    """The smallest true difference that is found 8 times in 10 with these seeds."""
    seeds_needed: int | None = None
    """Seeds with which the smallest effect is found 8 times in 10; None: more than 1,000."""


class PairsAsked(BaseModel, frozen=True):
    """Paired differences to test: of a sandbox with an evaluation of its own, which has no L0."""

    pairs: dict[str, list[float]]
    """Variant -> variant minus baseline, one number per common seed; at least one."""
    tries: int
    """The variants that were tried, which p is corrected for."""
    margin: float = 0.0
    """A difference that is surely within it does not matter."""
    times: dict[str, int] = {}
    """Variant -> what its p is multiplied by for looks; absent: 1."""
    times_ahead: dict[str, int] = {}
    """The same if seeds are added."""


class PairTest(BaseModel, frozen=True):
    """What the differences of one variant show. p: None with fewer than two seeds."""

    mean: float
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    is_small: bool
    """Whether they are surely within the margin."""
    seeds_needed: int | None
    """Seeds, more than there are, with which a verdict is likely; None: not with 1,000."""


class PairsFound(BaseModel, frozen=True):
    """The tests of all variants that were asked about."""

    tests: dict[str, PairTest]
