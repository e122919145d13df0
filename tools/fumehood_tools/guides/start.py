"""Start the job that checks a guide."""

import sys

from fumehood_tools.guides.request import CheckRequest
from fumehood_tools.jobs import JobStore
from fumehood_tools.jobs.models import Job
from fumehood_tools.settings import Settings


def start_check(request: CheckRequest, settings: Settings, jobs: JobStore) -> Job:
    """Start a job that checks a guide. Raises StorageFailed."""
    return jobs.submit(
        "guide",
        [sys.executable, "-P", "-m", "fumehood_tools.guides.worker", request.model_dump_json()],
        title=f"check {request.guide}",
        slot="guides",
        env=settings.as_environment(),
    )
