"""A run on rented pods, against a stand-in for the provider whose pods are real sshd."""

import json
from pathlib import Path

import pytest
from fakes.pod_runs import GPU, box, run_here, weights_of
from fakes.runpod import NEEDS_PODS, RunPod

from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.settings import Settings

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]


def test_a_run_on_pods_gives_local_weights_ends_its_pods_and_bills_them_to_the_cent(
    pod_settings: Settings, cloud: RunPod, tmp_path: Path
) -> None:
    settings = pod_settings
    names = ("topk", "gated", "standard")
    run_here(
        settings,
        tmp_path / "here",
        RunRequest(sandbox=box(settings, "here"), variants=names, seeds=(0,)),
        None,
    )
    request = RunRequest(
        sandbox=box(settings, "there"),
        variants=names,
        seeds=(0,),
        target="runpod",
        pods=PodsWanted(gpus=(GPU,), count=2, hours=1, max_cost_usd=5),
    )
    result = run_here(settings, tmp_path / "there", request, None)
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
