"""Every kind of score is measured on a pod as it is on this machine."""

from pathlib import Path

import pytest
from fakes.pod_runs import GPU, metrics_of, run_here, weights_of
from fakes.runpod import NEEDS_PODS, RunPod
from fakes.sandbox_files import change_setting

from fumehood_tools.files import read_json
from fumehood_tools.kinds import KindName
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings, load_settings

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]
OF_ALL = {"l0", "explained_variance", "loss_recovered"}


def box(settings: Settings, name: str, subject: str, kind: KindName, tasks: list[str]) -> None:
    """Make a small sandbox whose scores have all metrics."""
    made = create_sandbox(
        settings,
        name,
        template=kind,
        subject=subject,
        dict_size=128,
        train_tokens=6_000,
        eval_tokens=1_016,
    )
    sizes = {"probing_tasks": tasks, "probing_train": 60, "probing_test": 40}
    for setting, value in {**sizes, "probing_context": 32}.items():
        change_setting(made.folder, "scoring", setting, value)


@pytest.mark.parametrize(
    ("subject", "kind", "variant", "tasks", "harvests"),
    [
        pytest.param(
            "smollm2-135m", "sae", "topk", ["ag_news"], False, id="SAE of a language model"
        ),
        pytest.param(
            *("synthetic", "transcoder", "skip_topk", ["topics"], True),
            id="transcoder that is harvested there too",
        ),
    ],
)
def test_losses_and_probes_measured_on_a_pod_are_those_of_this_machine(
    pod_settings: Settings,
    cloud: RunPod,
    tmp_path: Path,
    subject: str,
    kind: KindName,
    variant: str,
    tasks: list[str],
    harvests: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = {"FUMEHOOD_POD_SCORING": "there"}
    if harvests:
        own |= {"FUMEHOOD_POD_HARVEST": "there", "FUMEHOOD_CACHE": str(tmp_path / "cache")}
    there = load_settings(pod_settings.workspace, {**pod_settings.as_environment(), **own})
    for name in ("here", "there"):
        box(there, name, subject, kind, tasks)
    here = RunRequest(sandbox="here", variants=(variant,), seeds=(0,))
    run_here(pod_settings, tmp_path / "job-here", here, None)
    pods = PodsWanted(gpus=(GPU,), count=1, hours=1, max_cost_usd=5)
    asked = here.model_copy(update={"sandbox": "there", "target": "runpod", "pods": pods})
    result = run_here(there, tmp_path / "job-there", asked, None)
    assert len(result["scored"]) == 1
    assert weights_of(there, "there") == weights_of(there, "here")
    scores, before = metrics_of(there, "there"), metrics_of(there, "here")
    assert scores.keys() == before.keys()
    for name, metrics in scores.items():
        assert metrics.keys() >= {*OF_ALL, "probing_top5"}
        assert metrics == pytest.approx(before[name], rel=1e-6), name
    told = capsys.readouterr().out
    assert ("0 of them sent from here" in told) == harvests, "who harvests has all data"
    assert "no copy from" not in told and "harvests again" not in told
    digests = {
        read_json(path)["data"]["digest"]
        for name in ("here", "there")
        for path in (there.sandboxes / name / "results").rglob("score.json")
    }
    assert len(digests) == 1
    assert not cloud.pods() and len(cloud.ended()) == 2
