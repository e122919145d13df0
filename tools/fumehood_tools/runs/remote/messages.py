"""What goes to a machine that works for a run, and what comes back. Names of files included."""

import posixpath
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from fumehood_tools.machine import RealDtype
from fumehood_tools.quoting import quotable
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.where import Where

ANSWER_FILE, OUT = "answer.json", "out"
DATA, CACHE = "data", "cache"
"""Folders below the agent's: activations by their digest, and what a machine keeps for later."""
FRACTION_FILE = "fraction"
"""In the job's working folder: the completed share of the training, as text."""
OF_ACTIVATIONS, OF_TARGETS, OF_PROBING = "activations", "targets", "probing"
"""Folders in out/ of a harvest."""
ANSWER_BYTES = 1 << 20
MOST_MESSAGE, MOST_WORD, MOST_PACKAGES, MOST_THREADS = 8_000, 200, 20, 4_096


class RemoteWork(BaseModel, frozen=True):
    """One order, with where its data are on that machine."""

    order: TrainingOrder
    shards: tuple[str, ...] = Field(description="the training split: names in the data folder")
    targets: tuple[str, ...] = Field((), description="of what is predicted, if not what is read")
    threads: int = Field(ge=0, description="0: all cores that the machine gives")
    gpu: int | None = Field(None, description="the number of the only GPU it sees; None: all")


class RemoteAnswer(BaseModel, frozen=True):
    """How the training of an order ended. The machine's word, checked for its form only.

    A variant may have written it, where the glass is weak. It goes into signed records, so every
    text is short and can be shown.
    """

    order: str = Field(max_length=MOST_WORD, description="digest of the order")
    seconds: float = Field(ge=0, allow_inf_nan=False)
    where: Where
    error: ErrorReport | None = None

    @field_validator("where")
    @classmethod
    def _is_plain(cls, where: Where) -> Where:
        return plain_where(where)

    @field_validator("error")
    @classmethod
    def _can_be_shown(cls, error: ErrorReport | None) -> ErrorReport | None:
        return shown(error)


class HarvestAnswer(BaseModel, frozen=True):
    """How a harvest ended, from a machine on which no variant has run before."""

    activations: str = Field("", max_length=MOST_WORD, description="their digest")
    targets: str | None = Field(None, max_length=MOST_WORD, description="of those predicted")
    probing: str | None = Field(None, max_length=MOST_WORD, description="digest of the artifacts")
    device: Literal["cpu", "cuda"] = "cpu"
    dtype: RealDtype = "float32"
    error: ErrorReport | None = None

    @field_validator("error")
    @classmethod
    def _can_be_shown(cls, error: ErrorReport | None) -> ErrorReport | None:
        return shown(error)


def in_working_folder(job: str, name: str) -> str:
    """Return where a file in the working folder of a job is, below the agent's root."""
    return posixpath.join("jobs", job, "work", name)


def split_folder(digest: str) -> str:
    """Return the name of the folder of a training split. digest: of the activations."""
    return digest[:32]


def plain_where(where: Where) -> Where:
    """Return what a machine says of itself. Raises ValueError if that cannot be shown."""
    versions = where.versions
    _check_words((where.machine, where.device, *versions, *versions.values()))
    if len(versions) > MOST_PACKAGES or not 0 < where.threads <= MOST_THREADS:
        raise ValueError("no machine has so many packages or threads")
    return where


def shown(error: ErrorReport | None) -> ErrorReport | None:
    """Return an error of a machine, safe to show. Raises ValueError for odd words."""
    if error is None:
        return None
    _check_words((error.code, error.check or "", error.limit or ""))
    return error.model_copy(update={"message": quotable(error.message[:MOST_MESSAGE])})


def _check_words(words: Iterable[str]) -> None:
    if any(len(word) > MOST_WORD or not word.isprintable() for word in words):
        raise ValueError("a text is too long, or cannot be shown")
