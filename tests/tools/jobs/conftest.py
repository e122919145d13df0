"""Fixtures for jobs: stores in a temporary folder, tiny Python workers, and waits with a limit.

All processes that the tests started are stopped at the end.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fumehood_tools.jobs import Job, JobStore

WAITING = ("queued", "starting", "running")


def wait_until(predicate: Callable[[], Any], timeout: float = 20.0) -> Any:
    """Call predicate until its result is true and return it; fail after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not (answer := predicate()):
        assert time.monotonic() < end, f"not within {timeout} s"
        time.sleep(0.02)
    return answer


def supervisors_of(root: Path, job_id: str = "") -> list[psutil.Process]:
    """Return the running supervisors of a store, or of one of its jobs."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            ours = "fumehood_tools.jobs.supervisor" in words and str(root) in words
            if ours and words[-1].endswith(job_id) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return wait_until


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """The folder of a store. Its jobs are stopped at the end of the test."""
    folder = tmp_path / "state"
    yield folder
    told: set[str] = set()
    if (folder / "jobs.sqlite3").exists():
        store = JobStore(folder)
        for status in WAITING:
            while jobs := [job for job in store.list(status).jobs if job.job_id not in told]:
                told.update(store.cancel(job.job_id).job_id for job in jobs)
    wait_until(lambda: not supervisors_of(folder))


@pytest.fixture
def store(root: Path) -> JobStore:
    return JobStore(root)


@pytest.fixture
def supervisors(root: Path) -> Callable[..., list[psutil.Process]]:
    return lambda job_id="": supervisors_of(root, job_id)


@pytest.fixture
def kill_supervisor(supervisors: Callable[..., list[psutil.Process]]) -> Callable[[Job], None]:
    """Kill the supervisor of a job with SIGKILL and wait until it is dead."""

    def gone(process: psutil.Process) -> bool:
        try:
            return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def end(job: Job) -> None:
        for process in supervisors(job.job_id):
            process.kill()
            # A dying process has no command line even before it is dead.
            wait_until(lambda: gone(process))  # noqa: B023

    return end


@pytest.fixture
def start(store: JobStore) -> Callable[..., Job]:
    """Return a function that submits Python code as a job."""

    def submit(code: str = "", **options: Any) -> Job:
        argv = [sys.executable, "-c", code]
        return store.submit("demo", argv, **{"title": "a demo", **options})

    return submit


@pytest.fixture
def finished(store: JobStore) -> Callable[..., Job]:
    """Return a function that waits for the end of a job."""

    def wait(job: Job, timeout: float = 20.0) -> Job:
        wait_until(lambda: store.get(job.job_id).status not in WAITING, timeout)
        return store.get(job.job_id)

    return wait


@pytest.fixture
def running(store: JobStore) -> Callable[..., Job]:
    """Return a function that waits until a job has printed "ready"."""

    def wait(job: Job) -> Job:
        wait_until(lambda: "ready" in store.read_log(job.job_id).lines)
        return store.get(job.job_id)

    return wait
