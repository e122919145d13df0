"""The pods that a job wants, as its request says it. Light: part of every run's request."""

from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.pods.api.model import Cloud

TargetName = Literal["local", "runpod", "ssh"]


class PodsWanted(BaseModel, frozen=True):
    """How many pods of which kinds a job may rent, for how long and how much."""

    gpus: tuple[str, ...] = Field(min_length=1, description="in the order of preference")
    count: int = Field(default=1, ge=1, le=32, description="pods at the same time")
    hours: float = Field(default=2.0, gt=0, le=168, description="the longest on a ready pod")
    max_cost_usd: float = Field(gt=0, description="for all pods together")
    cloud: Cloud = "secure"
    disk_gb: int = Field(default=40, ge=20, le=1_000)
    study: str | None = None
    study_usd: float | None = Field(default=None, ge=0, description="the budget of the study")

    @property
    def runtime_s(self) -> float:
        """The longest that the job may take on a ready pod."""
        return self.hours * 3600


class RunPlace(BaseModel, frozen=True):
    """Where a run trains. pods: with the target runpod. hosts: with ssh; (): all of them."""

    target: TargetName = "local"
    pods: PodsWanted | None = None
    hosts: tuple[str, ...] = ()


HERE = RunPlace()
