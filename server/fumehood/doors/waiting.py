"""Report the progress of a tool call to the client, and wait for a job during a call."""

import itertools
from collections.abc import Callable

import anyio
import anyio.from_thread
from mcp.server.mcpserver import Context

from fumehood.tooling import in_thread
from fumehood_tools.jobs import Job, JobStore, Progress

FIRST_POLL_SECONDS, POLL_SECONDS = 0.02, 0.3
"""Seconds between two reads of the job table while waiting, at first and at most.

The pause is a tenth of the time that was waited, so a short job is answered soon after its end.
"""

QUIET_SECONDS = 4.0
"""A job that stands still is reported again after this time, because some hosts wait only 5 s."""
LEAST_STEP = 1e-6

ENDED = ("succeeded", "failed", "cancelled", "lost")


async def watch(store: JobStore, job_id: str, ctx: Context[None, None], seconds: float) -> Job:
    """Return the job when it has ended or the time is up. Report its progress until then."""
    started = said = anyio.current_time()
    reported = 0.0
    while True:
        job = await in_thread(store.get, job_id)
        now = anyio.current_time()
        moved = job.progress is not None and job.progress.done > reported
        if moved or now - said >= QUIET_SECONDS:
            said, reported = now, _value_after(reported, job)
            total = job.progress.total if job.progress else None
            words = in_words(job.progress) if job.progress else job.status
            await ctx.report_progress(reported, total, words)
        left = started + seconds - now
        if job.status in ENDED or left <= 0:
            return job
        pause = min(max((now - started) / 10, FIRST_POLL_SECONDS), POLL_SECONDS)
        await anyio.sleep(min(pause, left))


def _value_after(reported: float, job: Job) -> float:
    """Return the next value to report. The protocol requires it to be greater than the last one."""
    done = job.progress.done if job.progress else 0.0
    return done if done > reported else reported + LEAST_STEP


def in_words(progress: Progress) -> str:
    """Return progress as text: share, phase, message, rate, time left of the whole job."""
    share = f"{100 * progress.done / progress.total:.0f}% " if progress.total else ""
    rate = f", {progress.rate:,.0f} {progress.rate_unit or '/s'}" if progress.rate else ""
    eta = progress.eta_seconds
    left = f", about {duration(eta)} left" if eta is not None else ""
    return f"{share}{progress.phase} {progress.message}".strip() + rate + left


def duration(seconds: float) -> str:
    """Return a duration in words: seconds up to two minutes, then minutes."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def progress_from_thread(ctx: Context[None, None]) -> Callable[[str], None]:
    """Return a function with which the thread of a call reports its next step to the client."""
    steps = itertools.count(1)

    def tell(text: str) -> None:
        anyio.from_thread.run(ctx.report_progress, next(steps), None, text)

    return tell
