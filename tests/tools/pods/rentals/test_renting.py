"""Renting: one pod per wish, whatever the provider answers, and nothing left of what failed.

The numbers are those of the matrix of faults in docs/gpus.md.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes.runpod import RunPod

from fumehood_tools.errors import UnknownName
from fumehood_tools.pods.rentals import (
    CapReached,
    Caps,
    Desk,
    InDoubt,
    NothingRented,
    PriceDiffers,
    end_rental,
    rent,
)
from fumehood_tools.pods.rentals.names import PodName, parse_name

from .conftest import A40, A100, RTX, SharedClock, wish_for

pytestmark = pytest.mark.child


def creates(cloud: RunPod) -> int:
    """Return how often the provider was asked for a pod."""
    asked = [(one.method, one.operation) for one in cloud.requests()]
    return asked.count(("POST", "/v2/pods")) + sum("Deploy" in name for _, name in asked)


def test_a_pod_is_journalled_step_by_step_and_its_name_says_whose_it_is(
    desk: Desk, cloud: RunPod
) -> None:
    rental, pod = rent(desk, wish_for(job="a job"))
    (living,) = cloud.pods().values()
    assert living.name == pod.name == str(PodName(desk.owner, rental.intent))
    assert parse_name(living.name) == (desk.owner, rental.intent)
    assert pod.ssh is not None and (rental.state, rental.job) == ("ready", "a job")
    states = [step.state for step in desk.journal.steps(rental.intent)]
    assert states == ["intent", "intent", "created", "booting", "ready"]


def test_a_wish_that_is_repeated_gets_the_pod_that_is_there(desk: Desk, cloud: RunPod) -> None:
    first, again = rent(desk, wish_for(job="one")), rent(desk, wish_for(job="two"))
    assert first.pod.id == again.pod.id and again.rental.job == "two" and creates(cloud) == 1
    rent(desk, wish_for("pod 1"))
    assert len(cloud.pods()) == 2


@pytest.mark.parametrize("kind", ["lost_response", "made_but_500", "reset"])
def test_case_02_06_a_create_whose_answer_is_lost_leads_to_exactly_one_pod(
    kind: str, desk: Desk, cloud: RunPod
) -> None:
    # transformerlab PR #2305: the answer was 500, and the pod ran and was billed.
    cloud.fault(on="create", kind=kind)
    rental, pod = rent(desk, wish_for())
    assert list(cloud.pods()) == [pod.id]
    made = kind != "reset"
    assert creates(cloud) == (1 if made else 2)
    told = " ".join(step.told for step in desk.journal.steps(rental.intent))
    assert ("adopted" in told) is made


def test_case_06_a_pod_in_doubt_keeps_its_reserve_and_is_adopted_when_the_provider_is_back(
    desk: Desk, cloud: RunPod, clock: SharedClock
) -> None:
    cloud.fault(on="create", kind="lost_response")
    clock.at_next_sleep = cloud.revoke_key
    with pytest.raises(InDoubt, match="looks for this pod before it rents one"):
        rent(desk, wish_for())
    assert desk.journal.spending().reserved > 0
    cloud.restore_key()
    (pod_id,) = cloud.pods()
    assert rent(desk, wish_for()).pod.id == pod_id and creates(cloud) == 1


def test_case_07_the_next_gpu_of_the_list_is_taken_when_one_is_not_free(
    desk: Desk, cloud: RunPod
) -> None:
    cloud.set_capacity(0, A40)
    rental, pod = rent(desk, wish_for(gpus=(A40, RTX)))
    assert RTX.endswith(str(pod.gpu)) and (rental.gpu, len(cloud.pods())) == (RTX, 1)
    first = desk.journal.rentals(ended=True)[0]
    assert (first.gpu, first.state, first.cost_usd, first.pod_id) == (A40, "verified_gone", 0, None)


def test_case_07_without_any_free_gpu_the_tries_are_bounded_and_the_waits_are_named(
    desk: Desk, cloud: RunPod
) -> None:
    # dstack #1976: submitted and failed in an endless loop.
    cloud.set_capacity(0)
    with pytest.raises(NothingRented) as failed:
        rent(desk, wish_for(gpus=(A40, RTX)))
    told = str(failed.value)
    assert f"{A40}: none free; {RTX}: none free; waited 30 s" in told and "waited 120 s" in told
    assert creates(cloud) == 8 and not cloud.pods()
    assert desk.journal.spending() == (0, 0, 0)


def test_case_07_a_gpu_that_does_not_exist_is_named_before_anything_is_rented(
    desk: Desk, cloud: RunPod
) -> None:
    with pytest.raises(UnknownName, match="NVIDIA A400.*Did you mean"):
        rent(desk, wish_for(gpus=("NVIDIA A400",)))
    assert creates(cloud) == 0


BOOTS = [
    ("stuck", "image is still being pulled"),  # case 8; skypilot #7321
    ("crash", "end of the provider's log"),  # case 9
    ("no_public_ip", "port 22 has no public address"),  # case 10
    ("error", "the machine has failed"),
]


@pytest.mark.parametrize("kind", [kind for kind, _ in BOOTS if kind != "crash"])
def test_case_08_09_10_a_pod_that_never_becomes_ready_is_ended_and_another_one_is_rented(
    kind: str, desk: Desk, cloud: RunPod
) -> None:
    cloud.fault(on="boot", kind=kind)
    assert rent(desk, wish_for(setup_s=120.0)).rental.state == "ready"
    assert len(cloud.ended()) == len(cloud.pods()) == 1
    (billed,) = (pod.billed_usd for pod in cloud.ended().values())
    assert desk.journal.spending().spent == pytest.approx(billed, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "told"), BOOTS)
def test_case_08_09_10_three_pods_that_never_become_ready_are_enough_and_the_log_is_shown(
    kind: str, told: str, desk: Desk, cloud: RunPod
) -> None:
    cloud.fault(on="boot", kind=kind, times=3)
    with pytest.raises(NothingRented, match="did not boot") as failed:
        rent(desk, wish_for(setup_s=300.0))
    assert told in str(failed.value) and not cloud.pods() and len(cloud.ended()) == 3


def test_case_23_a_pod_that_vanishes_while_it_boots_is_replaced(
    desk: Desk, cloud: RunPod, clock: SharedClock
) -> None:
    def vanish() -> None:
        (pod_id,) = cloud.pods()
        cloud.vanish(pod_id)

    cloud.fault(on="boot", kind="stuck")
    clock.at_next_sleep = vanish
    assert rent(desk, wish_for()).rental.state == "ready"
    assert [one.state for one in desk.journal.rentals(ended=True)] == ["lost", "ready"]


def test_case_30_a_pod_with_another_price_than_the_quote_is_ended_at_once_and_said_so(
    desk: Desk, cloud: RunPod
) -> None:
    # dstack #1886: showed $0.98 per hour, created at $1.52.
    cloud.fault(on="create", kind="price", factor=1.5)
    with pytest.raises(PriceDiffers, match=r"quoted at \$0.4400 .* at \$0.6600"):
        rent(desk, wish_for())
    assert not cloud.pods() and len(cloud.ended()) == 1
    (rental,) = desk.journal.rentals(ended=True)
    assert (rental.state, rental.price_usd_per_hour) == ("verified_gone", pytest.approx(0.66))


def test_case_30_a_rental_over_a_cap_is_refused_before_the_provider_is_asked(
    desk: Desk, cloud: RunPod
) -> None:
    order = wish_for().order.model_copy(update={"gpu_count": 8})
    wish = wish_for(gpus=(A100,), order=order, job="job", study="study")
    for cap in ("job", "study", "day"):
        capped = wish.model_copy(update={"caps": Caps(**{f"{cap}_usd": 1.0})})
        with pytest.raises(CapReached, match=f"cap of this {cap} is \\$1.00") as refused:
            rent(desk, capped)
        assert refused.value.wanted == pytest.approx((8 * 1.64 + 20 * 0.1 / 730) * 3)
        assert (refused.value.limit, refused.value.reserved) == (f"cost_{cap}", 0)
    assert creates(cloud) == 0 and not desk.journal.rentals(ended=True)


def test_case_30_a_cheaper_gpu_of_the_list_is_taken_where_the_first_one_passes_a_cap(
    desk: Desk,
) -> None:
    caps = Caps(day_usd=2.0)
    assert rent(desk, wish_for(gpus=(A100, A40), caps=caps)).rental.gpu == A40


def test_case_30_reservations_of_other_pods_count_until_they_have_ended(desk: Desk) -> None:
    caps = Caps(job_usd=2.0, day_usd=2.0)
    first = rent(desk, wish_for("pod 0", job="job", caps=caps))
    with pytest.raises(CapReached) as refused:
        rent(desk, wish_for("pod 1", job="job", caps=caps))
    assert refused.value.reserved == pytest.approx((0.44 + 20 * 0.1 / 730) * 3)
    assert refused.value.spent == 0
    end_rental(desk, first.rental.intent, "done")
    assert rent(desk, wish_for("pod 1", job="job", caps=caps)).rental.state == "ready"


def test_case_30_a_day_ends_at_midnight_utc(desk: Desk, clock: SharedClock) -> None:
    clock.at_noon()
    wish = wish_for(caps=Caps(day_usd=1.4))
    first = rent(desk, wish)
    clock.sleep(3600)
    end_rental(desk, first.rental.intent, "done")
    with pytest.raises(CapReached, match=r"\$0.44 are spent"):
        rent(desk, wish)
    clock.sleep(43_200)
    assert rent(desk, wish).rental.state == "ready"


def test_case_36_pods_for_different_places_are_rented_side_by_side(
    desk: Desk, cloud: RunPod
) -> None:
    with ThreadPoolExecutor(4) as threads:
        rented = list(threads.map(lambda i: rent(desk, wish_for(f"pod {i}")), range(4)))
    assert len({one.pod.id for one in rented}) == len(cloud.pods()) == 4
    assert len({one.pod.ssh for one in rented}) == 4
    assert all(one.pod.name == one.rental.name for one in rented)


def test_case_36_callers_with_the_same_wish_get_one_pod(
    open_workspace: Callable[..., Desk], cloud: RunPod
) -> None:
    desks = [open_workspace() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        rented = list(threads.map(lambda desk: rent(desk, wish_for()), desks))
    assert {one.pod.id for one in rented} == set(cloud.pods()) and creates(cloud) == 1
