"""What the job says to the scorer. Light: the job's process does not import torch."""

from pathlib import Path

from pydantic import BaseModel

from fumehood_tools.harvest import Activations, Probing
from fumehood_tools.sandbox.spec import SandboxSpec


class ScoringSetup(BaseModel, frozen=True):
    """What all SAEs of one job share."""

    spec: SandboxSpec
    activations: Activations
    probing: Probing | None
    cache: Path


class ScoringRequest(BaseModel, frozen=True):
    """One trained SAE to score; sae-bench's result files go to `out`."""

    name: str
    variant: Path
    weights: Path
    scratch: Path
    out: Path
