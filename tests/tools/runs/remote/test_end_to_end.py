"""The whole flow against the stand-in: many SAEs on four pods, with losses and a crash."""

from collections import Counter
from collections.abc import Collection

import pytest
from fakes.pod_runs import (
    Hold,
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
PODS, LOST = 4, 2
CENT = 0.005


def rentals_of(settings: Settings) -> list[Rental]:
    journal = Journal(settings.state, "", MachineClock())
    try:
        return journal.rentals(ended=True)
    finally:
        journal.close()


def test_case_22_24_36_four_pods_give_local_weights_and_the_bill_after_preemptions_and_a_crash(
    pod_settings: Settings, cloud: RunPod, store: JobStore
) -> None:
    here = box(pod_settings, "here")
    local = start_run(pod_settings, store, here, VARIANTS, SEEDS)
    assert ended(store, local.job.job_id).status == "succeeded"
    there = box(pod_settings, "there")
    # Each step waits until the one before has had its effect. No training ends before the last.
    with Watcher(cloud) as watcher, Hold(cloud) as hold:
        first = start_on_pods(pod_settings, store, there, VARIANTS, SEEDS, count=PODS, hours=1)
        lost = preempt(cloud, wait_for(lambda: len(pods := hold.pods()) == PODS and pods))
        wait_for(lambda: log_of(store, first).count("queued again") == LOST)
        wait_for(lambda: len(hold.pods() - lost) == PODS)
        kill_controller(pod_settings.state, first)
        underway = running_trainings(cloud)
        wait_for(lambda: store.get(first).status == "lost")
        again = start_on_pods(pod_settings, store, there, VARIANTS, SEEDS, count=PODS, hours=1)
        wait_for(lambda: log_of(store, again).count("taken over") == PODS)
        hold.let_go()
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
    assert begun == {1: len(watcher.pods_of) - LOST, 2: LOST}, watcher.pods_of
    assert len(underway) == PODS and not lost & set(underway.values())
    for job, pod in underway.items():
        assert pod in watcher.pods_of[job]
    bills_are_right(pod_settings, cloud, first, again, result["rented"]["cost_usd"])


def running_trainings(cloud: RunPod) -> dict[str, str]:
    """Return the trainings that run now: job -> pod."""
    return {one.job: one.pod for one in trainings(cloud) if one.state == "running"}


def preempt(cloud: RunPod, training: Collection[str]) -> set[str]:
    """Preempt some of the pods that train, and return them."""
    lost = set(sorted(training)[:LOST])
    for pod in lost:
        cloud.preempt(pod)
    return lost


def bills_are_right(
    settings: Settings, cloud: RunPod, killed: str, again: str, shown_usd: float
) -> None:
    """Compare what the result and the journal say with what was billed, for each pod and in all."""
    rentals, billed = rentals_of(settings), cloud.ended()
    assert {rental.pod_id for rental in rentals} == set(billed) and len(billed) == PODS + LOST
    for rental in rentals:
        assert rental.is_ended and rental.proof and rental.job in (killed, again)
        usd = billed[rental.pod_id or ""].billed_usd
        assert rental.cost_usd == pytest.approx(usd, abs=CENT)
    before = sum(rental.cost_usd for rental in rentals if rental.job == killed)
    total = sum(pod.billed_usd for pod in billed.values())
    print(f"billed ${total:.4f}; the result says ${shown_usd:.4f}, the killed job ${before:.4f}")
    assert before + shown_usd == pytest.approx(total, abs=CENT)
