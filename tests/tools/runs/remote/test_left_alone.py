"""A run on pods whose controller never comes back: the reaper and the watchdog end its pods."""

import pytest
from fakes.pod_runs import (
    box,
    kill_controller,
    kill_reaper,
    start_on_pods,
    trainings,
    wait_for,
)
from fakes.runpod import NEEDS_PODS, RunPod

from fumehood_tools.jobs import JobStore
from fumehood_tools.pods.api import PodAPI, choose_api
from fumehood_tools.pods.rentals import MachineClock
from fumehood_tools.pods.rentals.journal import Journal
from fumehood_tools.pods.rentals.reaper import watch_over
from fumehood_tools.settings import Settings
from fumehood_tools.web.service import open_client

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]


class HurryingClock(MachineClock):
    """The clock of this machine, on which waiting takes no time."""

    def __init__(self) -> None:
        self.slept = 0.0

    def ticks(self) -> float:
        return super().ticks() + self.slept

    def epoch(self) -> float:
        return super().epoch() + self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


def abandoned(
    settings: Settings, store: JobStore, cloud: RunPod, hours: float, count: int = 1
) -> None:
    """Start a run, and kill its controller and the reaper while all its pods are there."""
    variants = ("topk", "gated")[:count]
    place = box(settings, "there")
    job = start_on_pods(settings, store, place, variants, (0,), count=count, hours=hours)
    wait_for(lambda: len(trainings(cloud)) == count)
    kill_controller(settings.state, job)
    kill_reaper(settings.workspace)
    wait_for(lambda: store.get(job).status == "lost")
    assert len(cloud.pods()) == count


def states_of(settings: Settings) -> list[str]:
    journal = Journal(settings.state, "", MachineClock())
    states = [rental.state for rental in journal.rentals(ended=True)]
    journal.close()
    return states


def reaped(settings: Settings, api: PodAPI) -> tuple[list[str], float]:
    """Let a reaper work to its end; return what it said, and the seconds it took by its clock."""
    said: list[str] = []
    clock = HurryingClock()
    watch_over(settings.state, api, clock, said.append, 60)
    return said, clock.slept


def test_case_25_the_reaper_alone_ends_the_pods_of_a_run_that_nobody_takes_over(
    pod_settings: Settings, cloud: RunPod, store: JobStore
) -> None:
    abandoned(pod_settings, store, cloud, hours=1, count=2)
    with open_client() as client:
        said, seconds = reaped(pod_settings, choose_api(pod_settings, client=client))
    assert not cloud.pods() and [pod.by for pod in cloud.ended().values()] == ["account"] * 2
    assert states_of(pod_settings) == ["verified_gone"] * 2
    assert sum(": ended its job" in line for line in said) == 2, said
    # A run that is started again may take them over for ten minutes.
    assert 540 <= seconds <= 900


def test_case_25_the_watchdog_alone_ends_the_pod_of_a_run_that_nobody_takes_over(
    pod_settings: Settings, cloud: RunPod, store: JobStore
) -> None:
    abandoned(pod_settings, store, cloud, hours=1 / 60)
    assert states_of(pod_settings) == ["busy"]
    wait_for(lambda: not cloud.pods(), 180)
    assert [pod.by for pod in cloud.ended().values()] == ["pod"]
    with open_client() as client:
        reaped(pod_settings, choose_api(pod_settings, client=client))
    assert states_of(pod_settings) == ["lost"]
