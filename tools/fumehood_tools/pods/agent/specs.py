"""What goes to the agent of a machine and what comes back.

Everything that comes back is the machine's word: it is checked for its form here, and for its
content where it can be (sizes and sha256 of files).
"""

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

JobState = Literal["absent", "starting", "running", "succeeded", "failed", "cancelled", "lost"]
LIVING: tuple[JobState, ...] = ("starting", "running")
"""The states of a job that is not over."""
Purpose = Literal["any", "own", "scoring"]
JobName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
PATH_BYTES, NAME_BYTES, DEPTH = 2000, 255, 33


class JobSpec(BaseModel, frozen=True):
    """A program to run on a machine."""

    job: JobName = Field(description="unique on the machine; asked for twice, it runs once")
    argv: tuple[str, ...] = Field(min_length=1, description="no secrets: everybody there sees them")
    env: dict[str, str] = Field(
        default={},
        repr=False,
        description="may hold secrets: sent through the connection, written to no disk",
    )
    folder: str | None = Field(
        default=None, description="where it runs, below the agent's; None: a new folder of its own"
    )
    timeout_s: float | None = Field(default=None, gt=0, description="then it is ended")
    grace_s: float = Field(default=10.0, ge=0, description="from TERM to KILL")
    log_bytes: int = Field(default=64 << 20, gt=0, description="what is kept of its output")
    purpose: Purpose = Field(
        default="any",
        description="own: only our code, on data of ours; scoring: variants behind glass, on a "
        "machine where nothing of the kind `any` was ever started, or will be",
    )


class JobStatus(BaseModel, frozen=True):
    """The state of a job, as the agent tells it. Durations are by the machine's monotonic clock."""

    state: JobState
    exit_code: int | None = Field(default=None, description="negative: the signal that ended it")
    reason: str | None = Field(
        default=None,
        description="why it did not succeed, where the exit code does not say it: timeout, "
        "cancelled, out of memory, the name of a signal, cannot be started: …",
    )
    log_bytes: int = Field(default=0, ge=0)
    log_dropped: int = Field(default=0, ge=0, description="bytes that the log does not hold")
    duration_s: float | None = None
    beat_age_s: float | None = Field(default=None, description="seconds since its sign of life")
    memory_kills: int = Field(default=0, description="processes killed for want of memory")
    stragglers: int = Field(default=0, description="processes it left behind, which were killed")
    gpu_before_mb: list[int] | None = Field(default=None, description="in use on each GPU, MiB")
    gpu_after_mb: list[int] | None = None

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.state not in LIVING and self.state != "absent"


class RemoteFile(BaseModel, frozen=True):
    """A regular file on the machine. path: relative, with /."""

    path: str
    size: int = Field(ge=0)
    mtime_ns: int
    sha256: Sha256

    @model_validator(mode="after")
    def _stays_inside(self) -> "RemoteFile":
        parts = self.path.split("/")
        honest = (
            len(self.path.encode("utf-8", "surrogatepass")) <= PATH_BYTES
            and len(parts) <= DEPTH
            and all(_is_plain(part) for part in parts)
        )
        if not honest:
            raise ValueError("not a path below the folder")
        return self


def _is_plain(part: str) -> bool:
    return (
        part.isprintable()
        and part not in ("", ".", "..")
        and part == part.strip()
        and not _CONTROL.search(part)
        and unicodedata.normalize("NFC", part) == part
        and len(part.encode("utf-8")) <= NAME_BYTES
    )


class Manifest(BaseModel, frozen=True):
    """The regular files below a folder of the machine."""

    files: tuple[RemoteFile, ...]
    refused: tuple[tuple[str, str], ...] = Field(
        description="what is there too and is not taken (a name as ASCII, why), the first 100"
    )
    refused_count: int = Field(ge=0)
    complete: bool = Field(description="False: there is more than was allowed")

    @model_validator(mode="after")
    def _are_different(self) -> "Manifest":
        # A Mac takes names that differ by case alone for the same, and no file can be a folder.
        names = {file.path.casefold() for file in self.files}
        above = {name[:at] for name in names for at, c in enumerate(name) if c == "/"}
        if len(names) != len(self.files) or names & above:
            raise ValueError("two files have the same path")
        return self


class Health(BaseModel, frozen=True):
    """What decides whether a machine can take another job."""

    living: tuple[str, ...] = Field(description="jobs that run there now")
    jobs: int = Field(description="all that ever ran there")
    gpu_memory_mb: list[int] | None = Field(description="in use on each GPU; None: no GPU seen")
    free_bytes: int
    watchdog: bool = Field(description="whether a watchdog runs there")
