"""Start the job that validates a sandbox."""

import sys

from fumehood_tools.jobs import JobStore
from fumehood_tools.jobs.models import Job
from fumehood_tools.proving.request import ValidationRequest
from fumehood_tools.runs.start import slot_of
from fumehood_tools.settings import Settings

KIND = "validation"
MOST_WAITING = 100


def start_validation(request: ValidationRequest, settings: Settings, jobs: JobStore) -> Job:
    """Start a job that validates a sandbox, or return the one that has not ended yet.

    Raises StorageFailed.
    """
    title = f"validate {request.sandbox} ({request.budget})"
    for status in ("running", "starting", "queued"):
        for job in jobs.list(status, KIND, MOST_WAITING).jobs:
            if job.title == title:
                return job
    return jobs.submit(
        KIND,
        [
            sys.executable,
            "-P",
            "-m",
            "fumehood_tools.custom.proving_job",
            request.model_dump_json(),
        ],
        title=title,
        slot=slot_of(settings),
        env=settings.as_environment(),
    )
