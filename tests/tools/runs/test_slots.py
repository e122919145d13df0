"""A run waits in the queue for the device that it will use, with its request beside it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fumehood_tools.files import write_json
from fumehood_tools.jobs import JobStore
from fumehood_tools.machine import read_machine
from fumehood_tools.runs import start_run
from fumehood_tools.runs.request import REQUEST_FILE, RunRequest
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Device, Settings

pytestmark = pytest.mark.child


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


def test_the_request_waits_in_the_folder_of_the_job_as_it_was_made(
    tmp_path: Path, busy: JobStore
) -> None:
    settings = Settings(workspace=tmp_path / "ws", cache=tmp_path / "cache", device="cuda")
    create_sandbox(settings, "box", subject="synthetic", dict_size=64)
    grid = {"K": [8, 32]}
    job = start_run(settings, busy, "box", ["topk"], [3, 4], grid=grid, controls=True).job
    folder = tmp_path / "jobs" / "jobs" / job.job_id
    text = (folder / REQUEST_FILE).read_text(encoding="utf-8")
    request = RunRequest.model_validate_json(text)
    assert (request.sandbox, request.seeds, request.grid) == ("box", (3, 4), {"K": (8, 32)})
    assert [type(value) for value in request.grid["K"]] == [int, int]
    assert request.saes == 12 and request.asked is not None and request.asked.seeds == [3, 4]
    argv = json.loads((folder / "spec.json").read_text(encoding="utf-8"))["argv"]
    assert not any("topk" in word for word in argv), "it is not in any list of processes"
