"""A run on rented pods, against a stand-in for the provider whose pods are real sshd."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.runpod import NEEDS_PODS, RunPod
from fakes.sandbox_files import leave_out_probing

from fumehood_tools.files import sha256_of
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.receipts import WEIGHTS_FILE
from fumehood_tools.runs.job import RunJob, RunParts
from fumehood_tools.runs.remote.choosing import target_of
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings, load_settings

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]
GPU = "NVIDIA A40"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[RunPod]:
    with RunPod.started(tmp_path / "cloud") as running:
        yield running


@pytest.fixture
def settings(
    tmp_path: Path, cloud: RunPod, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    monkeypatch.setenv("RUNPOD_API_KEY", cloud.key)
    environment = {
        "FUMEHOOD_ENDPOINTS": cloud.endpoints,
        "FUMEHOOD_CACHE": str(shared_cache),
        "FUMEHOOD_DEVICE": "cpu",
    }
    return load_settings(tmp_path / "ws", environment)


def run(settings: Settings, folder: Path, request: RunRequest) -> dict[str, Any]:
    folder.mkdir()
    with target_of(request, settings, None) as target:
        parts = RunParts(open_target=target.open)
        result = RunJob(JobContext("job1", folder), settings, request, parts).run()
        return {**result, "rented": target.bill()}


def weights_of(settings: Settings, sandbox: str) -> dict[str, str]:
    results = settings.sandboxes / sandbox / "results"
    return {
        path.parent.parent.name: sha256_of(path) for path in sorted(results.rglob(WEIGHTS_FILE))
    }


def box(settings: Settings, name: str) -> str:
    made = create_sandbox(
        settings, name, subject="synthetic", dict_size=64, train_tokens=8_000, eval_tokens=2_032
    )
    leave_out_probing(made.folder)
    return name


def test_a_run_on_pods_gives_local_weights_ends_its_pods_and_bills_them_to_the_cent(
    settings: Settings, cloud: RunPod, tmp_path: Path
) -> None:
    names = ("topk", "gated", "standard")
    run(
        settings,
        tmp_path / "here",
        RunRequest(sandbox=box(settings, "here"), variants=names, seeds=(0,)),
    )
    request = RunRequest(
        sandbox=box(settings, "there"),
        variants=names,
        seeds=(0,),
        target="runpod",
        pods=PodsWanted(gpus=(GPU,), count=2, hours=1, max_cost_usd=5),
    )
    result = run(settings, tmp_path / "there", request)
    assert len(result["scored"]) == 3
    assert weights_of(settings, "there") == weights_of(settings, "here")
    assert not cloud.pods()
    billed = sum(pod.billed_usd for pod in cloud.ended().values())
    assert result["rented"]["cost_usd"] == pytest.approx(billed, abs=0.005)
    [score] = (settings.sandboxes / "there" / "results" / "topk").glob("*/score.json")
    rented = json.loads(score.read_text(encoding="utf-8"))["cost"]["rented"]
    record = json.loads(
        (settings.workspace / "rentals" / rented["intent"] / "rental.json").read_text("utf-8")
    )
    assert record["pod_id"] == rented["pod_id"] and record["proof"]["answer"]
