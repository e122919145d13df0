"""The messages between a job and the scorer, in both directions: JSON, one line each.

    ScoringSetup    ->  ScorerReady, or a ScoringFailure without a name
    ScoringRequest  ->  ScoringAnswer, or a ScoringFailure with the request's name

This module does not import torch, and neither do jobs.
"""

import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, TypeAdapter

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.glass import GlassLevel
from fumehood_tools.harvest import Activations, Probing
from fumehood_tools.records.inertness import Inertness
from fumehood_tools.records.integrity import Integrity
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.where import Where


class ScoringSetup(BaseModel, frozen=True):
    """The first message: everything that all SAEs of one job share."""

    spec: SandboxSpec
    activations: Activations
    targets: Activations | None = Field(
        None, description="what is predicted, row by row; None: the activations themselves"
    )
    probing: Probing | None
    cache: Path
    scratch: Path = Field(description="a folder for this job's children; no variant has it yet")
    glass: GlassLevel = Field(description="which isolation the children get")
    sealed: bool = Field(
        False,
        description="the evaluation rows are a sealed holdout: nothing about them is stored, and "
        "the held-back metrics are measured too",
    )

    @property
    def predicted(self) -> Activations:
        """What variants predict: the targets, or the activations that they read."""
        return self.targets or self.activations


class ScoringRequest(BaseModel, frozen=True):
    """One trained SAE to score. sae-bench's result files are written to `out`.

    No child may be able to write to `variant`, `weights` and `out`.
    """

    name: str
    variant: Path
    weights: Path
    out: Path
    seed: int = Field(0, description="the training's seed")
    compare: bool = Field(
        False, description="whether its computation is compared with those of other variants"
    )
    decoder_seconds: int | None = Field(
        None, description="processor time after which a child that decodes is ended; None: no limit"
    )
    parent: Path | None = Field(
        None, description="the file of the variant that it stands on; None: it has none"
    )


class ErrorReport(BaseModel, frozen=True):
    """An error as data: what another process reports, and what a failure record stores."""

    code: str
    message: str
    check: str | None = Field(None, description="the evaluator's check that failed")
    limit: str | None = Field(None, description="the limit of the glass that was reached")

    @classmethod
    def of(cls, error: FumehoodError) -> Self:
        """Return an error as a report."""
        return cls(code=error.code, message=str(error), check=error.check, limit=error.limit)

    def as_error(self) -> FumehoodError:
        """Return the report as an error that can be raised here."""
        error = RunFailed(self.message)
        error.code, error.check, error.limit = self.code, self.check, self.limit
        return error


class ScorerReady(BaseModel, frozen=True):
    """The answer to a setup: the scorer has its data."""

    ready: Literal[True] = True


class ScoringAnswer(BaseModel, frozen=True):
    """The score of one SAE: all that the evaluator measured."""

    name: str = Field(description="of the request")
    metrics: dict[str, float] = Field(description="those that were not measured are absent")
    integrity: Integrity | None = Field(
        None, description="the measurements of the checks; the scorer always has them"
    )
    inertness: Inertness | None = Field(None, description="None: it was not compared")
    density: list[int] | None = Field(None, description="see records.scores.Score")
    held_back: dict[str, float] = Field(
        default={}, description="the metrics that only a sealed holdout has"
    )
    where: Where = Field(description="where it was scored")
    weights_sha256: str
    decode_seconds: float = Field(
        0.0, description="processor time of the child that was asked for the decoder"
    )
    seconds: float = Field(description="wall-clock seconds of the whole scoring")
    split: dict[str, float] = Field(default={}, description="stage -> its seconds")


class ScoringFailure(BaseModel, frozen=True):
    """The answer to a request that got no score; without a name, to the setup."""

    name: str | None = None
    error: ErrorReport


Reply = ScorerReady | ScoringAnswer | ScoringFailure
_REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)


def reply_line(reply: Reply) -> str:
    """Return a reply as the line that the scorer prints. Numbers may be nan and inf."""
    return json.dumps(reply.model_dump(mode="json"))


def read_reply(line: dict[str, Any]) -> Reply:
    """Return the decoded line of a scorer as what it is."""
    return _REPLY.validate_python(line)
