"""Start the job that packs a repository."""

import sys

from fumehood_tools.jobs import JobStore
from fumehood_tools.jobs.models import Job
from fumehood_tools.packing.request import PackRequest
from fumehood_tools.settings import Settings


def start_packing(request: PackRequest, settings: Settings, jobs: JobStore) -> Job:
    """Start a job that packs a repository. Its result names the pack. Raises StorageFailed."""
    return jobs.submit(
        "pack",
        [sys.executable, "-m", "fumehood_tools.packing.worker", request.model_dump_json()],
        title=f"pack {request.source}",
        slot="code",
        env=settings.as_environment(),
    )
