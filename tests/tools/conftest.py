"""Jobs that a test starts and waits for."""

import contextlib
import time
from collections.abc import Callable

import pytest

from fumehood_tools.jobs import Job, JobStore


@pytest.fixture
def ended() -> Callable[..., Job]:
    """Return a function that waits for a job, and cancels it if it takes too long."""
    return _ended


def _ended(store: JobStore, job: Job, seconds: float = 400) -> Job:
    end = time.monotonic() + seconds
    with contextlib.ExitStack() as leave:
        leave.callback(store.cancel, job.job_id)
        while job.status in ("queued", "starting", "running"):
            assert time.monotonic() < end, store.read_log(job.job_id)
            time.sleep(0.2)
            job = store.get(job.job_id)
        leave.pop_all()
    return job
