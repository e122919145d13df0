"""What callers see of a job: frozen models, times in ISO 8601 UTC, durations in seconds."""

from typing import Any, Literal

from pydantic import BaseModel, Field

Status = Literal["queued", "starting", "running", "succeeded", "failed", "cancelled", "lost"]


class Progress(BaseModel, frozen=True):
    """How far a job has come, in its own unit."""

    done: float = Field(description="Units done, of `total`")
    total: float
    phase: str = Field(default="", description="What is being done now, in a word or two")
    message: str = ""
    rate: float | None = Field(default=None, description="In `rate_unit`")
    rate_unit: str | None = Field(default=None, description='For example "tokens/s"')
    eta_seconds: float | None = Field(default=None, description="Estimated time left")


class Job(BaseModel, frozen=True):
    """One job as it stands."""

    job_id: str
    kind: str
    title: str
    status: Status
    created: str = Field(description="ISO 8601, UTC")
    started: str | None = Field(description="ISO 8601, UTC; null while it waits")
    finished: str | None = Field(description="ISO 8601, UTC; null until it ended")
    progress: Progress | None
    exit_code: int | None = Field(description="Of the worker; -9 means killed by signal 9")
    error: str | None = Field(description="What went wrong, then what to do next")
    error_code: str | None = Field(
        description="The code of the worker's own error, or timeout, crashed, not_started, lost"
    )
    queue_position: int | None = Field(description="1 is next; null unless queued")
    result: dict[str, Any] | None = Field(description="What the worker left, once it ended")
    seconds: float | None = Field(description="Run time so far, or in all; null before the start")


class JobPage(BaseModel, frozen=True):
    """Some of the jobs, newest first."""

    jobs: tuple[Job, ...]
    total: int = Field(description="Of all pages under the same filters")
    next_cursor: str | None = Field(description="Pass as `cursor` to go on; null at the end")


class LogPage(BaseModel, frozen=True):
    """Some lines of a job's output. A line of several \\r-separated states shows its last one."""

    lines: tuple[str, ...]
    cut_lines: int = Field(description="How many of these lines were longer than 2,000 characters")
    size: int = Field(description="Bytes in the log now")
    next_offset: int | None = Field(
        description="Byte offset to read on from, also for lines still to come; null once the job "
        "has ended and nothing is left"
    )
