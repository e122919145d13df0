"""The request of a run: what it consists of, as callers check it and as its job reads it.

It is checked where it is made (`sweep.check_request`), and handed to the job as a file in the job's
folder. Light: reads and writes nothing.
"""

from pydantic import BaseModel, Field

from fumehood_tools.pods.wanted import PodsWanted, SkyWanted, TargetName
from fumehood_tools.records.parameters import Value
from fumehood_tools.records.scores import Asked
from fumehood_tools.runs.controls import ControlItem

REQUEST_FILE = "request.json"
"""The request's name in the folder of its job."""


class RunRequest(BaseModel, frozen=True):
    """What to train and score: variants x seeds x parameters, and searches for target L0s."""

    sandbox: str
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    grid: dict[str, tuple[Value, ...]] = Field(
        default={}, description="constant -> values to try, for every variant"
    )
    l0_targets: tuple[float, ...] = Field((), description="L0s to search for, for every variant")
    controls: tuple[ControlItem, ...] = ()
    baseline: str | None = Field(
        None, description="with l0_targets: also run at the targets and at the L0s `around` them"
    )
    around: tuple[float, ...] = ()
    training: dict[str, float] = Field(
        default={}, description="values of [training] to use instead of those in sandbox.toml"
    )
    saes: int = Field(0, description="how many will probably be trained; only for the progress")
    target: TargetName = Field("local", description="where it trains")
    pods: PodsWanted | None = Field(None, description="with the target runpod")
    sky: SkyWanted | None = Field(None, description="with the target skypilot")
    hosts: tuple[str, ...] = Field((), description="with the target ssh: names; (): all of them")
    then: str | None = Field(None, description="the call that follows, if not read_benchmarks")
    asked: Asked | None = Field(
        None, description="what scores say about the request; None: unknown"
    )

    @property
    def baseline_targets(self) -> tuple[float, ...]:
        """The L0s at which the baseline is run in addition to what it is run for as a variant."""
        if self.baseline is None:
            return ()
        as_variant = self.baseline in self.variants and not self.grid
        return (*(() if as_variant else self.l0_targets), *self.around)
