"""Rented pods as places of a run: lost ones are noticed at once, kept ones are looked at first."""

import contextlib
from collections.abc import Callable, Iterator

import pytest
from fakes.pod_runs import GPU
from fakes.runpod import NEEDS_PODS, RunPod

from fumehood_tools.pods.agent import JobSpec
from fumehood_tools.pods.api import choose_api
from fumehood_tools.pods.rentals import Desk
from fumehood_tools.pods.rentals.desk import open_desk
from fumehood_tools.pods.ssh import ClientKey
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.pods.wishes import wishes
from fumehood_tools.runs.remote.kept import KEPT, KeptPlace, taken
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.remote.renting import SCORING, TRAINING, PodPlace
from fumehood_tools.runs.targets import PlaceLost
from fumehood_tools.settings import Settings
from fumehood_tools.web.service import open_client

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]


@pytest.fixture
def desk(pod_settings: Settings) -> Iterator[Desk]:
    """The rentals of the workspace, which no reaper looks after."""
    with open_client() as client:
        api = choose_api(pod_settings, client=client)
        with contextlib.closing(open_desk(pod_settings.state, api)) as found:
            yield found


def place(desk: Desk, settings: Settings, purpose: str, use: str = TRAINING) -> PodPlace:
    wanted = PodsWanted(gpus=(GPU,), hours=1, max_cost_usd=5)
    key = ClientKey(desk.state).public()
    [wish] = wishes(wanted, settings, key, purpose=purpose, job=None)
    return PodPlace(desk, settings, wish, use)


def pod_of(opened: OpenPlace) -> str:
    assert opened.rented is not None
    return opened.rented.pod_id


@pytest.mark.parametrize("loss", ["preempt", "vanish"])
def test_case_22_23_a_pod_that_is_gone_is_not_waited_for(
    desk: Desk, cloud: RunPod, pod_settings: Settings, loss: str
) -> None:
    ours = place(desk, pod_settings, "run 1")
    opened = ours.open()
    pod = pod_of(opened)
    getattr(cloud, loss)(pod)
    # Not LinkLost, which would come after two minutes of knocking at a door that is gone.
    with pytest.raises(PlaceLost, match="stopped" if loss == "preempt" else "lost"):
        opened.agent.status("none")
    ours.release("it is lost")
    again = ours.open()
    assert pod_of(again) != pod and not again.agent.health().living
    ours.release("the test is over")
    assert not cloud.pods()


def test_case_14_a_pod_whose_link_was_cut_goes_on(
    desk: Desk, cloud: RunPod, pod_settings: Settings
) -> None:
    ours = place(desk, pod_settings, "run 1")
    opened = ours.open()
    assert cloud.drop_ssh(pod_of(opened))
    assert opened.agent.status("none").state == "absent"
    ours.release("the test is over")


def keep(desk: Desk, settings: Settings) -> OpenPlace:
    """Rent a pod, and leave it to later runs as a run that was killed does: still busy."""
    opened = place(desk, settings, f"{KEPT}job").open()
    assert opened.rented is not None
    desk.journal.learn(desk.journal.rental(opened.rented.intent), job=None)
    return opened


def reused(desk: Desk, settings: Settings) -> tuple[KeptPlace, OpenPlace]:
    """Open the kept pod as the next run does, or what is rented instead."""
    with contextlib.ExitStack() as held:
        [rental] = taken(desk, (GPU,), 1, held)
        with contextlib.ExitStack() as others:
            assert not taken(desk, (GPU,), 1, others), "one run at a time"
        kept = KeptPlace(desk, settings, rental, place(desk, settings, "run 2"))
        return kept, kept.open()


def test_case_38_a_clean_pod_is_used_again_though_the_run_before_was_killed(
    desk: Desk, cloud: RunPod, pod_settings: Settings
) -> None:
    pod = pod_of(keep(desk, pod_settings))
    kept, opened = reused(desk, pod_settings)
    assert pod_of(opened) == pod
    kept.release("the run is over")
    assert list(cloud.pods()) == [pod]
    assert [one.state for one in desk.journal.rentals()] == ["idle"]


def _leaves_a_job(opened: OpenPlace, cloud: RunPod) -> None:
    opened.agent.start(JobSpec(job="left", argv=("sleep", "987")))


def _holds_gpu_memory(opened: OpenPlace, cloud: RunPod) -> None:
    cloud.set_gpu(pod_of(opened), used_mib=20_000)


def _had_a_small_disk(opened: OpenPlace, cloud: RunPod) -> None:
    """See the test: its disk was ordered before it was rented."""


def _stopped_renewing(opened: OpenPlace, cloud: RunPod) -> None:
    # What the watchdog does with a pod whose lease is over: see test_watchdog.
    cloud.vanish(pod_of(opened))


@pytest.mark.parametrize(
    ("dirty", "told"),
    [
        (_leaves_a_job, "The job left still runs there"),
        (_holds_gpu_memory, "GPU memory is still held there"),
        (_had_a_small_disk, "Its disk has only"),
        (_stopped_renewing, "The provider does not run it any more"),
    ],
    ids=["a job", "GPU memory", "disk", "lease"],
)
def test_case_38_a_dirty_pod_is_ended_with_its_reason_and_another_one_is_rented(
    desk: Desk,
    cloud: RunPod,
    pod_settings: Settings,
    dirty: Callable[[OpenPlace, RunPod], None],
    told: str,
) -> None:
    if dirty is _had_a_small_disk:
        cloud.fault(on="boot", kind="disk", mb=64)
    first = keep(desk, pod_settings)
    dirty(first, cloud)
    kept, opened = reused(desk, pod_settings)
    assert pod_of(opened) != pod_of(first) and list(cloud.pods()) == [pod_of(opened)]
    [before] = [one for one in desk.journal.rentals(ended=True) if one.pod_id == pod_of(first)]
    assert before.is_ended and told in before.why
    assert (pod_settings.workspace / "rentals" / before.intent / "rental.json").exists()
    kept.release("the test is over")


def test_case_38_a_pod_that_was_made_dirty_is_not_given_back(
    desk: Desk, cloud: RunPod, pod_settings: Settings
) -> None:
    pod = pod_of(keep(desk, pod_settings))
    kept, opened = reused(desk, pod_settings)
    assert pod_of(opened) == pod
    cloud.set_gpu(pod, used_mib=20_000)
    kept.release("the run is over")
    assert not cloud.pods() and not desk.journal.rentals()


def test_a_pod_that_trained_is_ended_instead_of_opened_for_scoring(
    desk: Desk, cloud: RunPod, pod_settings: Settings
) -> None:
    trained = pod_of(place(desk, pod_settings, "run 1").open())
    scores = place(desk, pod_settings, "run 1", SCORING)
    with pytest.raises(PlaceLost, match="did nothing else, and this one was busy"):
        scores.open()
    assert list(cloud.ended()) == [trained]
    fresh = pod_of(scores.open())
    # After a crash, the next run opens it again: it has scored, and done nothing else.
    again = place(desk, pod_settings, "run 1", SCORING)
    assert pod_of(again.open()) == fresh != trained
    again.release("the test is over")
    assert not cloud.pods()
