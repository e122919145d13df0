"""The public models of a job: frozen, with times in ISO 8601 UTC and durations in seconds."""

from typing import Any, Literal

from pydantic import BaseModel, Field

Status = Literal["queued", "starting", "running", "succeeded", "failed", "cancelled", "lost"]


class Progress(BaseModel, frozen=True):
    """The progress of a job, in a unit that the job chooses."""

    done: float = Field(description="Units done, of `total`")
    total: float
    phase: str = Field(default="", description="The current activity, in a word or two")
    message: str = ""
    rate: float | None = Field(default=None, description="In `rate_unit`")
    rate_unit: str | None = Field(default=None, description='For example "tokens/s"')
    eta_seconds: float | None = Field(
        default=None, description="Estimated time left, of the whole job"
    )


class Job(BaseModel, frozen=True):
    """The current state of one job."""

    job_id: str
    kind: str
    title: str
    status: Status
    created: str = Field(description="ISO 8601, UTC")
    started: str | None = Field(description="ISO 8601, UTC; null while it waits")
    finished: str | None = Field(description="ISO 8601, UTC; null until it has ended")
    progress: Progress | None
    exit_code: int | None = Field(description="The worker's; -9 means killed by signal 9")
    error: str | None = Field(description="What went wrong, then what to do next")
    error_code: str | None = Field(
        description="The code of the worker's own error, or timeout, crashed, not_started, lost"
    )
    queue_position: int | None = Field(description="1 is next; null unless queued")
    result: dict[str, Any] | None = Field(description="The worker's result, once it has ended")
    seconds: float | None = Field(description="Run time so far, or in total; null before the start")


class JobPage(BaseModel, frozen=True):
    """Some of the jobs, newest first."""

    jobs: tuple[Job, ...]
    total: int = Field(description="Number of jobs on all pages with the same filters")
    next_cursor: str | None = Field(description="Pass as `cursor` for more; null at the end")


class LogPage(BaseModel, frozen=True):
    """Some lines of a job's output. A line with several \\r-separated states shows its last one."""

    lines: tuple[str, ...]
    cut_lines: int = Field(description="Number of these lines longer than 2,000 characters")
    size: int = Field(description="Bytes in the log now")
    next_offset: int | None = Field(
        description="Byte offset at which to continue, also for future lines; null once the job "
        "has ended and nothing is left"
    )
