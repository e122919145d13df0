"""Wait for a job during a tool call, and report its progress to the client."""

import anyio
from mcp.server.mcpserver import Context

from fumehood.tooling import in_thread
from fumehood_tools.jobs import Job, JobStore, Progress

POLL_SECONDS = 0.3
"""Seconds between two reads of the job table while waiting."""

ENDED = ("succeeded", "failed", "cancelled", "lost")


async def watch(store: JobStore, job_id: str, ctx: Context[None, None], seconds: float) -> Job:
    """Return the job when it has ended or the time is up. Report its progress until then."""
    deadline = anyio.current_time() + seconds
    reported = 0.0
    while True:
        job = await in_thread(store.get, job_id)
        # The protocol requires each reported value to be greater than the previous one.
        if job.progress and job.progress.done > reported:
            reported = job.progress.done
            await ctx.report_progress(reported, job.progress.total, in_words(job.progress))
        left = deadline - anyio.current_time()
        if job.status in ENDED or left <= 0:
            return job
        await anyio.sleep(min(POLL_SECONDS, left))


def in_words(progress: Progress) -> str:
    """Return progress as text: share, phase, message, rate, time left."""
    share = f"{100 * progress.done / progress.total:.0f}% " if progress.total else ""
    rate = f", {progress.rate:,.0f} {progress.rate_unit or '/s'}" if progress.rate else ""
    left = f", about {progress.eta_seconds:.0f} s left" if progress.eta_seconds is not None else ""
    return f"{share}{progress.phase} {progress.message}".strip() + rate + left
