"""The messages between a job and the process that evaluates, in both directions: JSON lines.

    EvaluationSetup    ->  Ready, or a Failed about no SAE
    EvaluationRequest  ->  Evaluated, Skipped or Failed for each evaluation, then Done

A Failed without an evaluation is about the SAE as a whole; Done follows it too. Imports no torch.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from fumehood_tools.evaluations.source import Need
from fumehood_tools.scoring.requests import ErrorReport, ScoringSetup


class EvaluationCopy(BaseModel, frozen=True):
    """A copy of an evaluation's file that no child can write to, and what it declares."""

    name: str
    path: Path
    metrics: dict[str, Any]
    needs: tuple[Need, ...]
    is_trusted: bool = Field(False, description="a part of fumehood, run outside the glass")


class EvaluationSetup(BaseModel, frozen=True):
    """The first message: everything that all SAEs of a job share."""

    scoring: ScoringSetup
    evaluations: tuple[EvaluationCopy, ...]
    seed: int = Field(0, description="what evaluations draw their random numbers from")


class SaeFiles(BaseModel, frozen=True):
    """Copies of a scored SAE's files. weights_sha256: as its record says."""

    variant: Path
    weights: Path
    weights_sha256: str


class EvaluationRequest(BaseModel, frozen=True):
    """One SAE, and the evaluations to run on it."""

    name: str = Field(description="the place of its score")
    sae: SaeFiles
    siblings: tuple[SaeFiles, ...] = Field((), description="the same variant with other seeds")
    evaluations: tuple[str, ...]
    l0: float | None = Field(description="as scored; None: it was not measured on exact latents")


class Ready(BaseModel, frozen=True):
    """The data are there."""

    said: Literal["ready"] = "ready"


class Evaluated(BaseModel, frozen=True):
    """The checked result of one evaluation on one SAE, by the names that its file declares."""

    said: Literal["evaluated"] = "evaluated"
    name: str
    evaluation: str
    metrics: dict[str, float]
    chance: dict[str, float] = Field(description="on shuffled latents")
    constant: tuple[str, ...] = Field(description="metrics that no latents changed")
    apart: float = Field(description="change with another order, as a share of what is allowed")
    rows: int
    seconds: float
    processor_seconds: float


class Skipped(BaseModel, frozen=True):
    """An evaluation that does not apply to an SAE."""

    said: Literal["skipped"] = "skipped"
    name: str
    evaluation: str
    why: str


class Failed(BaseModel, frozen=True):
    """An evaluation, an SAE (evaluation is None) or a setup (name is None too) that failed."""

    said: Literal["failed"] = "failed"
    name: str | None
    evaluation: str | None
    error: ErrorReport


class Done(BaseModel, frozen=True):
    """All evaluations of one SAE have been answered."""

    said: Literal["done"] = "done"
    name: str


Reply = Ready | Evaluated | Skipped | Failed | Done
_REPLY: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="said")])


def read_reply(line: dict[str, Any]) -> Reply:
    """Return a parsed line of the process as a reply."""
    return _REPLY.validate_python(line)
