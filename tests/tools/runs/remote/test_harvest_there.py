"""Runs on pods that harvest there: the training split stays there, and results are the same."""

from collections import defaultdict
from pathlib import Path

import pytest
from fakes.pod_runs import (
    GPU,
    ROOT,
    Hold,
    PodWatcher,
    box,
    ended,
    log_of,
    metrics_of,
    run_here,
    start_on_pods,
    wait_for,
    weights_of,
)
from fakes.runpod import NEEDS_PODS, RunPod

from fumehood_tools.files import read_json, sha256_of
from fumehood_tools.jobs import JobStore
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.settings import Settings, load_settings

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]
TOKENS = 40_000
"""Of the training split: three shards."""
NAMES = ("topk", "gated")


@pytest.fixture
def there(pod_settings: Settings, tmp_path: Path) -> Settings:
    """The same workspace, with a cache of its own and harvests elsewhere."""
    own = {"FUMEHOOD_CACHE": str(tmp_path / "cache"), "FUMEHOOD_POD_HARVEST": "there"}
    return load_settings(pod_settings.workspace, {**pod_settings.as_environment(), **own})


class DataWatcher(PodWatcher):
    """Notes which shards every pod had."""

    def __init__(self, cloud: RunPod) -> None:
        super().__init__(cloud, every=0.2)
        self.shards_of: dict[str, set[str]] = defaultdict(set)

    def look(self, cloud: RunPod) -> None:
        """See PodWatcher."""
        for pod, its in cloud.pods().items():
            found = (its.folder / ROOT / "data").glob("*/*.npy")
            self.shards_of[pod] |= {path.name for path in found}


def local(settings: Settings, tmp_path: Path) -> str:
    """Harvest, train and score on this machine; return the digest of the activations."""
    request = RunRequest(sandbox=box(settings, "here", TOKENS), variants=NAMES, seeds=(0,))
    run_here(settings, tmp_path / "here", request, None)
    return digest_in(settings, "here")


def digest_in(settings: Settings, sandbox: str) -> str:
    """Return the digest of the data that a sandbox's scores are from."""
    found = (settings.sandboxes / sandbox / "results").rglob("score.json")
    [digest] = {read_json(path)["data"]["digest"] for path in found}
    return str(digest)


def test_one_pod_harvests_for_all_and_weights_scores_and_digests_are_those_of_this_machine(
    pod_settings: Settings,
    there: Settings,
    cloud: RunPod,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    digest = local(pod_settings, tmp_path)
    request = RunRequest(
        sandbox=box(there, "there", TOKENS),
        variants=NAMES,
        seeds=(0, 1),
        target="runpod",
        pods=PodsWanted(gpus=(GPU,), count=2, hours=1, max_cost_usd=5),
    )
    with DataWatcher(cloud) as watcher:
        result = run_here(there, tmp_path / "there", request, None)
    assert len(result["scored"]) == 4
    assert digest_in(there, "there") == digest
    # The local run had one seed of the two.
    assert weights_of(there, "there").items() >= weights_of(there, "here").items()
    scores, local_scores = metrics_of(there, "there"), metrics_of(there, "here")
    for name, metrics in local_scores.items():
        assert scores[name] == pytest.approx(metrics, rel=1e-6), name
    told = capsys.readouterr().out
    assert told.count("data are there, and what scoring needs is here") == 1
    assert "harvests again" not in told and "no copy from" not in told
    # One pod has harvested; the other has all shards from it, and this machine has the first.
    shards = {"00000.npy", "00001.npy", "00002.npy"}
    assert list(watcher.shards_of.values()) == [shards] * 2
    [elsewhere] = (there.cache / "activations-elsewhere").iterdir()
    assert [path.name for path in (elsewhere / "activations/train").iterdir()] == ["00000.npy"]
    assert not (there.cache / "activations").exists()
    here = pod_settings.cache / "activations" / digest / "train"
    known = {one["path"]: one["sha256"] for one in read_json(elsewhere / "known.json")["split"]}
    assert known == {path.name: sha256_of(path) for path in here.iterdir()}
    assert not cloud.pods() and len(cloud.ended()) == 2


def test_when_the_only_pod_with_the_data_is_lost_the_next_one_harvests_the_same_bytes(
    pod_settings: Settings, there: Settings, cloud: RunPod, store: JobStore, tmp_path: Path
) -> None:
    local(pod_settings, tmp_path)
    place = box(there, "there", TOKENS)
    with Hold(cloud) as hold:
        job = start_on_pods(there, store, place, NAMES, (0,), count=1, hours=1)
        [pod] = wait_for(hold.pods)
        cloud.preempt(pod)
        wait_for(lambda: "harvests again" in log_of(store, job))
        wait_for(lambda: hold.pods() - {pod})
        hold.let_go()
        done = ended(store, job)
    assert done.status == "succeeded", log_of(store, job)
    assert weights_of(there, "there") == weights_of(there, "here")
    assert not cloud.pods() and len(cloud.ended()) == 2
