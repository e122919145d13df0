"""What the runs of a sandbox say about its records: L0s that were not reached, and what is to come.

Reads the results of finished jobs, and the titles of those that have not ended.
"""

from collections import defaultdict
from typing import NamedTuple

from fumehood_tools.jobs import Job, JobStore, Status
from fumehood_tools.records.labelling import trained_as

_MOST_JOBS = 100
_NAMED = 2
_NOT_ENDED: tuple[Status, ...] = ("running", "starting", "queued")


def missed_targets(jobs: JobStore, sandbox: str) -> dict[str, list[float]]:
    """Return variant -> the L0 targets that the newest search for them did not reach.

    A run with another training counts for itself (see `labelling.trained_as`).
    """
    newest: dict[tuple[str, float], bool] = {}
    for job in jobs.list(status="succeeded", kind="run", limit=_MOST_JOBS).jobs:
        result = job.result or {}
        if result.get("sandbox") != sandbox:
            continue
        training = result.get("training") or {}
        for found in (*result.get("aimed", ()), *result.get("baseline_levels", ())):
            name = trained_as(found["variant"], training)
            newest.setdefault((name, found["target_l0"]), found["hit"])
    missed: dict[str, list[float]] = defaultdict(list)
    for (variant, target), hit in newest.items():
        if not hit:
            missed[variant].append(target)
    return dict(missed)


class GoingOn(NamedTuple):
    """The runs of a sandbox that have not ended: their scores are not all there yet."""

    said: str
    """A sentence on them."""
    next: str
    """The call to make before the records of the sandbox are read again."""


def going_on(jobs: JobStore, sandbox: str) -> GoingOn | None:
    """Return what is said of the runs of a sandbox that have not ended; None if all have."""
    found = [job for status in _NOT_ENDED for job in _runs_of(jobs, sandbox, status)]
    if not found:
        return None
    named = "; ".join(f"{job.job_id} is {job.status} ({job.title})" for job in found[:_NAMED])
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    # The queue is worked off in order of submission, so the newest one ends last.
    last = max(found, key=lambda job: job.created)
    return GoingOn(
        f"A run of this sandbox has not ended: {named}{more}. This answer rests on the scores that "
        "are there now, so its numbers and verdicts can still change.",
        f"wait_for_job(job_id={last.job_id!r})",
    )


def _runs_of(jobs: JobStore, sandbox: str, status: Status) -> list[Job]:
    page = jobs.list(status=status, kind="run", limit=_MOST_JOBS)
    return [job for job in page.jobs if job.title.startswith(f"{sandbox}: ")]
