"""A provider of pods, a workspace that rents there, and the jobs of this workspace."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.pod_runs import kill_reaper
from fakes.runpod import RunPod

from fumehood_tools.jobs import JobStore
from fumehood_tools.settings import Settings, load_settings


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[RunPod]:
    with RunPod.started(tmp_path / "cloud") as running:
        yield running


@pytest.fixture
def pod_settings(
    tmp_path: Path, cloud: RunPod, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings of a workspace whose provider is the stand-in; its reaper ends with the test."""
    monkeypatch.setenv("RUNPOD_API_KEY", cloud.key)
    environment = {
        "FUMEHOOD_ENDPOINTS": cloud.endpoints,
        "FUMEHOOD_CACHE": str(shared_cache),
        "FUMEHOOD_DEVICE": "cpu",
    }
    yield load_settings(tmp_path / "ws", environment)
    kill_reaper(tmp_path / "ws")


@pytest.fixture
def store(pod_settings: Settings) -> Iterator[JobStore]:
    """The jobs; those that still run are canceled at the end."""
    store = JobStore(pod_settings.state)
    yield store
    for job in store.list().jobs:
        if not job.finished:
            store.cancel(job.job_id)
    store.close()
