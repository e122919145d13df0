"""A run waits in the queue for the device that it will use."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fumehood_tools.files import write_json
from fumehood_tools.jobs import JobStore
from fumehood_tools.machine import read_machine
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Device, Settings


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[JobStore]:
    """A job store with one job running in the GPU slot and none in the CPU slot."""
    jobs = JobStore(tmp_path / "jobs")
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    jobs.submit("demo", sleeper, title="it has the GPU", slot="gpu")
    yield jobs
    for job in jobs.list().jobs:
        jobs.cancel(job.job_id)


@pytest.mark.parametrize(
    ("asked", "gpu", "waits"),
    [
        ("auto", "NVIDIA H200", True),
        ("auto", None, False),
        ("cpu", "NVIDIA H200", False),
        ("cuda", None, True),
    ],
)
def test_a_run_waits_for_the_gpu_if_it_will_use_it(
    tmp_path: Path, busy: JobStore, asked: Device, gpu: str | None, waits: bool
) -> None:
    settings = Settings(workspace=tmp_path / "ws", cache=tmp_path / "cache", device=asked)
    create_sandbox(settings, "box", subject="synthetic", dict_size=64)
    measured = read_machine(settings.cache).model_dump()
    write_json(settings.cache / "machine.json", {**measured, "cuda": gpu})
    job = start_run(settings, busy, "box", ["topk"]).job
    assert (job.status == "queued") == waits
