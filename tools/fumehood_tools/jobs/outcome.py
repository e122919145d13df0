"""Determine how a job ended, from its exit code and the files that its worker wrote."""

import json
import signal
from pathlib import Path
from typing import Any, NamedTuple

AGAIN = "Start it again with the same arguments; finished parts are kept."
LONGEST_ERROR = 4000
"""Longest error text that is taken from a worker, in characters."""


class JobEnd(NamedTuple):
    """The final state of a job."""

    status: str
    error: str | None = None
    code: str | None = None


CANCELLED = JobEnd("cancelled")
LOST = JobEnd(
    "lost",
    "The process that watched over this job was killed, for example by a reboot or because memory "
    f"was short. {AGAIN}",
    "lost",
)


def read_object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file, or None if it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def timed_out(limit: float) -> JobEnd:
    """Return the final state of a job that was stopped at its time limit (in seconds)."""
    text = (
        f"The job ran longer than its limit of {limit:g} s and was stopped. Allow more time. "
        f"{AGAIN}"
    )
    return JobEnd("failed", text, "timeout")


def outcome_of(folder: Path, exit_code: int) -> JobEnd:
    """Return the final state of a job after its worker has exited by itself."""
    if exit_code == 0:
        result = folder / "result.json"
        if result.exists() and read_object(result) is None:
            return JobEnd("failed", f"The job's result.json is damaged. {AGAIN}", "storage_failed")
        return JobEnd("succeeded")
    told = read_object(folder / "error.json") or {}
    if isinstance(message := told.get("message"), str) and message:
        return JobEnd("failed", message[:LONGEST_ERROR], str(told.get("code", "error")))
    return JobEnd("failed", _crash_text(exit_code), "crashed")


def orphan_outcome(folder: Path, exit_code: int | None, cancel_wanted: bool) -> JobEnd:
    """Return the final state of a job after both its supervisor and its worker are gone.

    Without an exit code, a complete result.json counts as success, because writing it is a worker's
    last action.
    """
    if cancel_wanted:
        return CANCELLED
    if exit_code is not None:
        return outcome_of(folder, exit_code)
    if (folder / "error.json").exists():
        return outcome_of(folder, 1)
    if read_object(folder / "result.json") is not None:
        return JobEnd("succeeded")
    return LOST


def _crash_text(exit_code: int) -> str:
    if exit_code >= 0:
        how = f"The job's process ended with exit code {exit_code}"
    else:
        try:
            name = signal.Signals(-exit_code).name
        except ValueError:
            name = f"signal {-exit_code}"
        how = f"The job's process was killed by {name}"
        if -exit_code == signal.SIGKILL:
            how += ", which an operating system does when it is out of memory"
    return f"{how}. Read the end of its log with read_job_log, fix the cause and start it again."
