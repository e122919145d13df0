"""Start the job that validates a sandbox."""

import sys

from fumehood_tools.jobs import JobStore
from fumehood_tools.jobs.models import Job
from fumehood_tools.proving.request import ValidationRequest
from fumehood_tools.runs.start import slot_of
from fumehood_tools.settings import Settings


def start_validation(request: ValidationRequest, settings: Settings, jobs: JobStore) -> Job:
    """Start a job that validates a sandbox. Raises StorageFailed."""
    return jobs.submit(
        "validation",
        [
            sys.executable,
            "-P",
            "-m",
            "fumehood_tools.custom.proving_job",
            request.model_dump_json(),
        ],
        title=f"validate {request.sandbox} ({request.budget})",
        slot=slot_of(settings),
        env=settings.as_environment(),
    )
