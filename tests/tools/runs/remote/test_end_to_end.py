"""The whole flow against the stand-in: many SAEs on four pods, with losses and a crash."""

from collections import Counter
from collections.abc import Collection

import pytest
from fakes.pod_runs import (
    Watcher,
    box,
    ended,
    kill_controller,
    log_of,
    metrics_of,
    start_on_pods,
    trainings,
    wait_for,
    weights_of,
)
from fakes.runpod import NEEDS_PODS, RunPod
from fakes.sandbox_files import change_setting

from fumehood_tools.jobs import JobStore
from fumehood_tools.pods.rentals import MachineClock
from fumehood_tools.pods.rentals.journal import Journal
from fumehood_tools.pods.rentals.model import Rental
from fumehood_tools.runs.start import start_run
from fumehood_tools.settings import Settings

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]
VARIANTS = (
    *("batch_topk", "example", "gated", "jumprelu"),
    *("matryoshka", "p_anneal", "standard", "topk"),
)
SEEDS = (0, 1)
TOKENS, BATCH = 400_000, 128
"""Small steps, so that trainings last until pods are preempted and the controller is killed."""
CENT = 0.005


def rentals_of(settings: Settings) -> list[Rental]:
    journal = Journal(settings.state, "", MachineClock())
    try:
        return journal.rentals(ended=True)
    finally:
        journal.close()


def test_four_pods_give_local_weights_and_the_bill_after_two_preemptions_and_a_crash(
    pod_settings: Settings, cloud: RunPod, store: JobStore
) -> None:
    here = box(pod_settings, "here", TOKENS)
    change_setting(pod_settings.sandboxes / here, "training", "batch_size", BATCH)
    local = start_run(pod_settings, store, here, VARIANTS, SEEDS)
    assert ended(store, local.job.job_id).status == "succeeded"
    there = box(pod_settings, "there", TOKENS)
    change_setting(pod_settings.sandboxes / there, "training", "batch_size", BATCH)
    with Watcher(cloud) as watcher:
        first = start_on_pods(pod_settings, store, there, VARIANTS, SEEDS, count=4, hours=1)
        lost = preempt_two(cloud)
        wait_for(lambda: len(running_trainings(cloud, without=lost)) >= 2)
        kill_controller(pod_settings.state, first)
        underway = running_trainings(cloud, without=lost)
        wait_for(lambda: store.get(first).status == "lost")
        again = start_on_pods(pod_settings, store, there, VARIANTS, SEEDS, count=4, hours=1)
        done = ended(store, again)
    assert done.status == "succeeded" and done.result, log_of(store, again)
    result = done.result
    print(f"underway at the kill: {len(underway)}; rented: {result['rented']}")
    assert len(result["scored"]) + len(result["reused"]) == len(VARIANTS) * len(SEEDS)
    assert weights_of(pod_settings, "there") == weights_of(pod_settings, "here")
    local_scores, scores = (metrics_of(pod_settings, name) for name in ("here", "there"))
    assert scores.keys() == local_scores.keys() and len(scores) == len(VARIANTS) * len(SEEDS)
    for name, metrics in scores.items():
        # The scorer is the same; its sums differ in the last digits with the order of its threads.
        assert metrics == pytest.approx(local_scores[name], rel=1e-6), name
    assert not cloud.pods()
    # Preempted trainings began on one more pod, and those of the killed controller on no other.
    begun = Counter(len(pods) for pods in watcher.pods_of.values())
    assert len(watcher.pods_of) == len(VARIANTS) * len(SEEDS)
    assert begun == {1: len(watcher.pods_of) - 2, 2: 2}, watcher.pods_of
    for job, pod in underway.items():
        assert pod in watcher.pods_of[job] and pod not in lost
    assert log_of(store, again).count("taken over") >= len(underway) > 0
    bills_are_right(pod_settings, cloud, first, again, result["rented"]["cost_usd"])


def running_trainings(cloud: RunPod, without: Collection[str] = ()) -> dict[str, str]:
    """Return the trainings that run now: job -> pod. without: pods that are gone."""
    seen = [one for one in trainings(cloud) if one.pod not in without]
    return {one.job: one.pod for one in seen if one.state == "running"}


def preempt_two(cloud: RunPod) -> set[str]:
    """Preempt two pods, each while it trains."""
    lost: set[str] = set()
    while len(lost) < 2:
        pod = wait_for(lambda: set(running_trainings(cloud).values()) - lost).pop()
        cloud.preempt(pod)
        lost.add(pod)
    return lost


def bills_are_right(
    settings: Settings, cloud: RunPod, killed: str, again: str, shown_usd: float
) -> None:
    """Compare what the result and the journal say with what was billed, for each pod and in all."""
    rentals, billed = rentals_of(settings), cloud.ended()
    assert {rental.pod_id for rental in rentals} == set(billed) and len(billed) == 6
    for rental in rentals:
        assert rental.is_ended and rental.proof and rental.job in (killed, again)
        usd = billed[rental.pod_id or ""].billed_usd
        assert rental.cost_usd == pytest.approx(usd, abs=CENT)
    before = sum(rental.cost_usd for rental in rentals if rental.job == killed)
    total = sum(pod.billed_usd for pod in billed.values())
    print(f"billed ${total:.4f}; the result says ${shown_usd:.4f}, the killed job ${before:.4f}")
    assert before + shown_usd == pytest.approx(total, abs=CENT)
