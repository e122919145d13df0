"""Runs on pods that score on a pod of its own: the scores are those of this machine."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest
from fakes.pod_runs import (
    GPU,
    ROOT,
    SCORER,
    Hold,
    PodWatcher,
    box,
    ended,
    is_asked_to_score,
    kill_controller,
    log_of,
    metrics_of,
    run_here,
    start_on_pods,
    wait_for,
    weights_of,
)
from fakes.runpod import NEEDS_PODS, RunPod

from fumehood.verify import add_arguments, run
from fumehood_tools.files import read_json
from fumehood_tools.jobs import JobStore
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.settings import Settings, load_settings

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]
NAMES = ("topk",)


@pytest.fixture
def there(pod_settings: Settings) -> Settings:
    """The same workspace, which scores on pods."""
    own = {"FUMEHOOD_POD_SCORING": "there"}
    return load_settings(pod_settings.workspace, {**pod_settings.as_environment(), **own})


class ScoringWatcher(PodWatcher):
    """Notes which pods trained, and which scored how many SAEs."""

    def __init__(self, cloud: RunPod) -> None:
        super().__init__(cloud, every=0.1)
        self.trained: set[str] = set()
        self.scored: dict[str, set[str]] = {}

    def look(self, cloud: RunPod) -> None:
        """See PodWatcher."""
        for pod, its in cloud.pods().items():
            folder = its.folder / ROOT
            if list(folder.glob("jobs/train-*")):
                self.trained.add(pod)
            if list(folder.glob("jobs/score-*")):
                done = {path.name for path in folder.glob("scoring/*/done/*")}
                self.scored.setdefault(pod, set()).update(done)


def local(settings: Settings, tmp_path: Path) -> None:
    """Train and score on this machine."""
    request = RunRequest(sandbox=box(settings, "here"), variants=NAMES, seeds=(0,))
    run_here(settings, tmp_path / "here", request, None)


def on_pods(sandbox: str) -> RunRequest:
    pods = PodsWanted(gpus=(GPU,), count=1, hours=1, max_cost_usd=5)
    return RunRequest(sandbox=sandbox, variants=NAMES, seeds=(0,), target="runpod", pods=pods)


def record_of(settings: Settings, sandbox: str) -> dict[str, Any]:
    [path] = (settings.sandboxes / sandbox / "results").rglob("score.json")
    return dict(read_json(path))


def has_local_scores(settings: Settings) -> None:
    """Check that weights and metrics are those of the local run.

    Two scorings on this machine differ in the last digits too: rows come in random order.
    """
    assert weights_of(settings, "there") == weights_of(settings, "here")
    scores, before = metrics_of(settings, "there"), metrics_of(settings, "here")
    assert scores.keys() == before.keys()
    for name, metrics in scores.items():
        assert metrics == pytest.approx(before[name], rel=1e-6), name


def test_an_sae_of_one_pod_is_scored_on_another_and_the_receipt_says_on_which(
    pod_settings: Settings,
    there: Settings,
    cloud: RunPod,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    local(pod_settings, tmp_path)
    with ScoringWatcher(cloud) as watcher:
        result = run_here(there, tmp_path / "there", on_pods(box(there, "there")), None)
    assert len(result["scored"]) == 1
    has_local_scores(there)
    record, before = record_of(there, "there"), record_of(there, "here")
    cost, about = record["cost"], record["provenance"]
    [trained], [scored] = watcher.trained, watcher.scored
    assert cost["rented"]["pod_id"] == trained and cost["scored_on"]["pod_id"] == scored
    assert trained != scored and cost["scored_on"]["gpu"] == GPU
    assert about["scored"]["glass"] in ("landlock", "bubblewrap")
    assert about["evaluator_sha256"] == before["provenance"]["evaluator_sha256"]
    seconds, price = cost["train_seconds"] + cost["score_seconds"], cost["rented"]
    per_second = price["price_usd_per_hour"] / 3600
    # The seconds of a training are stored with two decimals.
    assert cost["usd"] == pytest.approx(seconds * per_second, abs=0.01 * per_second)
    results = next((there.sandboxes / "there" / "results").rglob("score.json")).parent
    assert (results / "core.json").is_file()
    assert not cloud.pods() and set(cloud.ended()) == {trained, scored}
    billed = sum(pod.billed_usd for pod in cloud.ended().values())
    assert result["rented"]["cost_usd"] == pytest.approx(billed, abs=0.01)
    assert "the scorer has its data" in capsys.readouterr().out
    # Scored again on another pod, and on this machine.
    for where in ["--on-pod", GPU, "--max-cost-usd", "2"], []:
        assert verified(there, "--sandbox", "there", *where) == 0
        told = capsys.readouterr().out
        assert f"scored on pod {scored} ({GPU})" in told and "scored again: " in told
    assert not cloud.pods() and len(cloud.ended()) == 3


def verified(settings: Settings, *words: str) -> int:
    """Return the exit code of `fumehood verify` with some arguments."""
    parser = ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(list(words)), settings)


def test_when_the_pod_that_scores_is_lost_another_one_is_asked_again_and_the_scores_are_the_same(
    pod_settings: Settings, there: Settings, cloud: RunPod, store: JobStore, tmp_path: Path
) -> None:
    local(pod_settings, tmp_path)
    with ScoringWatcher(cloud) as watcher, Hold(cloud, SCORER, is_asked_to_score) as hold:
        job = start_on_pods(there, store, box(there, "there"), NAMES, (0,), count=1, hours=1)
        [first] = wait_for(hold.pods)
        cloud.preempt(first)
        [second] = wait_for(lambda: hold.pods() - {first})
        hold.let_go()
        done = ended(store, job)
    assert done.status == "succeeded" and done.result, log_of(store, job)
    has_local_scores(there)
    record = record_of(there, "there")
    assert record["cost"]["scored_on"]["pod_id"] == second
    assert watcher.trained.isdisjoint({first, second}) and len(watcher.trained) == 1
    assert not cloud.pods() and len(cloud.ended()) == 3
    billed = sum(pod.billed_usd for pod in cloud.ended().values())
    assert done.result["rented"]["cost_usd"] == pytest.approx(billed, abs=0.02)


def test_a_run_after_a_crash_finds_the_scorer_at_work_and_asks_it_once(
    pod_settings: Settings, there: Settings, cloud: RunPod, store: JobStore, tmp_path: Path
) -> None:
    local(pod_settings, tmp_path)
    place = box(there, "there")
    with ScoringWatcher(cloud) as watcher, Hold(cloud, SCORER, is_asked_to_score) as hold:
        killed = start_on_pods(there, store, place, NAMES, (0,), count=1, hours=1)
        [pod] = wait_for(hold.pods)
        held = hold.held
        kill_controller(there.state, killed)
        wait_for(lambda: store.get(killed).status == "lost")
        again = start_on_pods(there, store, place, NAMES, (0,), count=1, hours=1)
        wait_for(lambda: "the scorer has its data" in log_of(store, again))
        assert hold.held == held, "the same process scores on"
        hold.let_go()
        done = ended(store, again)
    assert done.status == "succeeded" and done.result, log_of(store, again)
    has_local_scores(there)
    assert {name: len(done) for name, done in watcher.scored.items()} == {pod: 1}
    assert not cloud.pods() and len(cloud.ended()) == 2


def test_canceling_a_run_ends_the_pod_that_scores(
    there: Settings, cloud: RunPod, store: JobStore
) -> None:
    with Hold(cloud, SCORER, is_asked_to_score) as hold:
        job = start_on_pods(there, store, box(there, "there"), NAMES, (0,), count=1, hours=1)
        wait_for(hold.pods)
        store.cancel(job)
        ended(store, job)
        wait_for(lambda: not cloud.pods())
    assert len(cloud.ended()) == 2


def test_the_pod_that_scores_harvests_too_and_then_nothing_is_sent_to_it(
    pod_settings: Settings,
    cloud: RunPod,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    local(pod_settings, tmp_path)
    own = {"FUMEHOOD_CACHE": str(tmp_path / "cache"), "FUMEHOOD_POD_HARVEST": "there"}
    environment = {**pod_settings.as_environment(), **own, "FUMEHOOD_POD_SCORING": "there"}
    there = load_settings(pod_settings.workspace, environment)
    with ScoringWatcher(cloud) as watcher:
        run_here(there, tmp_path / "there", on_pods(box(there, "there")), None)
    has_local_scores(there)
    told = capsys.readouterr().out
    assert "files of data, 0 of them sent from here" in told
    assert "no copy from" not in told and "harvests again" not in told
    assert len(watcher.trained) == len(watcher.scored) == 1
    assert watcher.trained.isdisjoint(watcher.scored)
    assert not cloud.pods() and len(cloud.ended()) == 2
