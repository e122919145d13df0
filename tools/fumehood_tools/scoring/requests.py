"""The messages from a job to the scorer. This module does not import torch, and neither do jobs."""

from pathlib import Path

from pydantic import BaseModel, Field

from fumehood_tools.glass import GlassLevel
from fumehood_tools.harvest import Activations, Probing
from fumehood_tools.spec import SandboxSpec


class ScoringSetup(BaseModel, frozen=True):
    """The first message: everything that all SAEs of one job share."""

    spec: SandboxSpec
    activations: Activations
    probing: Probing | None
    cache: Path
    scratch: Path = Field(description="a folder for this job's children; no variant has it yet")
    glass: GlassLevel = Field(description="which isolation the children get")
    sealed: bool = Field(
        False,
        description="the evaluation rows are a sealed holdout: nothing about them is stored, and "
        "the held-back metrics are measured too",
    )


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
