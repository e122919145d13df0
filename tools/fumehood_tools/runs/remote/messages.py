"""What goes to a machine that trains for a run, and what comes back. Names of files included."""

from pydantic import BaseModel, Field

from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.where import Where

ANSWER_FILE, OUT = "answer.json", "out"
DATA, CACHE = "data", "cache"
"""Folders below the agent's: activations by their digest, and what a machine keeps for later."""
FRACTION_FILE = "fraction"
"""In the job's working folder: the completed share of the training, as text."""


class RemoteWork(BaseModel, frozen=True):
    """One order, with where its data are on that machine."""

    order: TrainingOrder
    shards: tuple[str, ...] = Field(description="the training split: names in the data folder")
    threads: int = Field(ge=0, description="0: all cores that the machine gives")


class RemoteAnswer(BaseModel, frozen=True):
    """How the training of an order ended. The machine's word, checked for its form only."""

    order: str = Field(description="digest of the order")
    started: str = Field(max_length=40, description="by the machine's clock, ISO 8601, UTC")
    seconds: float = Field(ge=0, allow_inf_nan=False)
    where: Where
    error: ErrorReport | None = None
