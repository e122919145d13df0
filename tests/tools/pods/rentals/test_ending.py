"""Ending: proved by the provider's own answers, repeated until true, and told if it is not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.runpod import RunPod

from fumehood_tools.pods.api import PodOrder
from fumehood_tools.pods.rentals import (
    Caps,
    Desk,
    InDoubt,
    NoGpusLeft,
    RentalEnded,
    StillBilling,
    adopt_orphan,
    end_all,
    end_rental,
    look_at,
    reap,
    record_of,
    rent,
    revive,
)

from .conftest import A40, SharedClock, wish_for

pytestmark = pytest.mark.child

NO_CAPS = Caps()


def test_a_record_binds_quote_price_cost_and_the_proof_that_the_pod_is_gone(
    desk: Desk, cloud: RunPod, clock: SharedClock
) -> None:
    rental, pod = rent(desk, wish_for())
    clock.sleep(1800)
    record = record_of(end_rental(desk, rental.intent, "the job is done"))
    assert record is not None and record.pod_id == pod.id and record.gpu == A40
    assert record.quoted_usd_per_hour == record.price_usd_per_hour == pytest.approx(0.44)
    billed = cloud.ended()[pod.id].billed_usd
    assert record.cost_usd == record.billed_usd == pytest.approx(billed, abs=1e-9)
    assert record.measured_usd == pytest.approx(billed, abs=0.005) and record.why
    assert record.seconds == pytest.approx(clock.slept, abs=5)
    assert record.proof.interface == desk.api.interface and "there is none" in record.proof.answer
    assert record.created <= record.proof.time <= record.ended


def test_case_27_a_pod_that_survives_its_termination_is_terminated_until_it_is_gone(
    desk: Desk, cloud: RunPod
) -> None:
    rental, _ = rent(desk, wish_for())
    cloud.fault(on="terminate", kind="silent", times=3)
    assert end_rental(desk, rental.intent, "done").state == "verified_gone"
    assert not cloud.pods()


def test_case_27_a_pod_that_cannot_be_ended_raises_an_alarm_and_is_ended_by_the_reaper_later(
    desk: Desk, cloud: RunPod
) -> None:
    rental, pod = rent(desk, wish_for())
    cloud.fault(on="terminate", kind="silent", times=11)
    with pytest.raises(StillBilling, match=r"STILL BILLED at \$0.44 per hour") as alarm:
        end_rental(desk, rental.intent, "done")
    assert pod.id in str(alarm.value) and "press Terminate (not Stop)" in str(alarm.value)
    assert desk.journal.rental(rental.intent).state == "terminating" and cloud.pods()
    (reaped,) = reap(desk, lambda job: True)
    assert (reaped.did, reaped.pod_id) == ("ended", pod.id) and not cloud.pods()


def test_case_05_a_key_that_is_revoked_meanwhile_ends_no_job_and_raises_an_alarm(
    desk: Desk, cloud: RunPod
) -> None:
    rental, pod = rent(desk, wish_for(job="job"))
    cloud.revoke_key()
    look = look_at(desk, rental.intent, NO_CAPS)
    assert look.seen == "unknown" and look.must_end is None and "API_KEY" in look.told
    with pytest.raises(StillBilling, match="STILL BILLED") as alarm:
        end_rental(desk, rental.intent, "the job is over")
    assert pod.id in str(alarm.value)
    assert [one.pod_id for one in desk.journal.rentals()] == [pod.id] and cloud.pods()
    cloud.restore_key()
    (reaped,) = reap(desk, lambda job: False)
    assert reaped.did == "ended" and not cloud.pods()


def test_case_28_a_pod_that_is_gone_already_is_ended_without_an_error_and_only_once(
    desk: Desk, cloud: RunPod
) -> None:
    rental, pod = rent(desk, wish_for())
    desk.api.terminate(pod.id)
    first = end_rental(desk, rental.intent, "done")
    asked = len(cloud.requests())
    assert end_rental(desk, rental.intent, "again") == first and len(cloud.requests()) == asked


def test_case_22_a_preempted_pod_is_seen_as_stopped_and_can_be_started_again(
    desk: Desk, cloud: RunPod, clock: SharedClock
) -> None:
    rental, pod = rent(desk, wish_for())
    assert look_at(desk, rental.intent, NO_CAPS).seen == "up"
    clock.sleep(8000)  # its setup time is over, its life is not
    cloud.preempt(pod.id)
    look = look_at(desk, rental.intent, NO_CAPS)
    assert (look.seen, look.must_end) == ("stopped", None)
    again = revive(desk, rental.intent)
    assert again.pod.id == pod.id and again.rental.state == "ready"
    cloud.preempt(pod.id)
    assert rent(desk, wish_for()).pod.ssh is not None and list(cloud.pods()) == [pod.id]


def test_case_39_a_pod_that_starts_again_without_gpus_is_ended_and_said_so(
    desk: Desk, cloud: RunPod
) -> None:
    rental, pod = rent(desk, wish_for())
    cloud.preempt(pod.id)
    cloud.fault(on="resume", kind="no_gpus")
    with pytest.raises(NoGpusLeft, match="Rent another pod"):
        revive(desk, rental.intent)
    assert not cloud.pods() and desk.journal.rental(rental.intent).state == "verified_gone"
    assert rent(desk, wish_for()).pod.id != pod.id


def test_case_22_a_pod_that_the_provider_has_stopped_costs_what_the_provider_says(
    desk: Desk, cloud: RunPod, clock: SharedClock
) -> None:
    rental, pod = rent(desk, wish_for())
    clock.sleep(600)
    cloud.preempt(pod.id)
    clock.sleep(1800)
    record = record_of(end_rental(desk, rental.intent, "nobody had seen that it was stopped"))
    billed = cloud.ended()[pod.id].billed_usd
    assert record is not None and record.cost_usd == pytest.approx(billed, abs=1e-9)
    assert record.measured_usd > 3 * billed


def test_case_23_a_pod_that_vanished_is_lost_billed_no_more_and_replaced_by_the_next_wish(
    desk: Desk, cloud: RunPod, clock: SharedClock
) -> None:
    # skypilot #7318: a terminated pod was never noticed.
    clock.at_noon()
    rental, pod = rent(desk, wish_for())
    clock.sleep(600)
    cloud.vanish(pod.id)
    look = look_at(desk, rental.intent, NO_CAPS)
    assert (look.seen, look.rental.state) == ("lost", "lost")
    record = record_of(look.rental)
    assert record is not None and "nobody here ended it" in record.proof.answer
    clock.sleep(3600)
    assert desk.journal.spending().spent == pytest.approx(record.measured_usd)
    assert rent(desk, wish_for()).pod.id != pod.id


def test_case_30_a_look_says_when_a_cap_or_the_longest_life_is_reached(
    desk: Desk, cloud: RunPod, clock: SharedClock
) -> None:
    rental, _ = rent(desk, wish_for(job="job"))
    clock.sleep(1800)
    tight = Caps(job_usd=0.20)
    must_end = look_at(desk, rental.intent, tight).must_end
    assert must_end is not None and "cap of this job is reached" in must_end
    look = look_at(desk, rental.intent, NO_CAPS)
    assert look.must_end is None and look.life.max_s == pytest.approx(9000, abs=60)
    clock.sleep(9000)
    assert "longest life" in str(look_at(desk, rental.intent, NO_CAPS).must_end)


def test_case_31_a_cap_is_noticed_while_the_provider_does_not_answer(
    open_workspace: Callable[..., Desk], cloud: RunPod, clock: SharedClock
) -> None:
    desk = open_workspace(seconds=0.2)
    rental, _ = rent(open_workspace(), wish_for(job="job"))
    clock.sleep(3600)
    cloud.fault(on="http", kind="500", times=50)
    look = look_at(desk, rental.intent, Caps(job_usd=0.4))
    assert look.seen == "unknown" and look.told and "cap of this job" in str(look.must_end)


def test_case_30_the_age_survives_a_reboot_of_this_machine_and_a_clock_that_is_set_back(
    desk: Desk, clock: SharedClock
) -> None:
    rental, _ = rent(desk, wish_for())
    clock.sleep(1000)
    before = look_at(desk, rental.intent, NO_CAPS).rental.seconds
    clock.boots = 2
    clock.sleep(100)
    after = look_at(desk, rental.intent, NO_CAPS).rental.seconds
    assert after == pytest.approx(before + 100, abs=5)
    clock.slept -= 5000
    assert look_at(desk, rental.intent, NO_CAPS).rental.seconds >= after


def test_case_27_the_kill_switch_ends_everything_of_ours_and_one_that_stays_stops_no_other(
    desk: Desk, cloud: RunPod
) -> None:
    ours = [rent(desk, wish_for(f"pod {i}")) for i in range(3)]
    stray = f"fumehood-{desk.owner}-{'0' * 16}"
    order = PodOrder(name="", image="an/image")
    for name in (stray, "somebody-else"):
        desk.api.create(order.model_copy(update={"name": name}), A40)
    cloud.fault(on="terminate", kind="silent", times=11, name=ours[1].pod.name)
    done = {ended.name: ended for ended in end_all(desk)}
    assert {pod.name for pod in cloud.pods().values()} == {ours[1].pod.name, "somebody-else"}
    assert {name for name, ended in done.items() if ended.error} == {ours[1].pod.name}
    assert set(done) == {stray, *(one.pod.name for one in ours)}
    records = [ended.record for ended in done.values() if ended.record]
    assert {record.pod_id for record in records} == {ours[0].pod.id, ours[2].pod.id}


def test_case_37_a_pod_that_is_ended_while_it_boots_is_not_rented_again(
    open_workspace: Callable[..., Desk], cloud: RunPod, clock: SharedClock
) -> None:
    renting, other = open_workspace(), open_workspace()
    cloud.fault(on="boot", kind="stuck")
    clock.at_next_sleep = lambda: None if end_all(other) else None
    with pytest.raises(RentalEnded, match="was ended meanwhile"):
        rent(renting, wish_for())
    assert not cloud.pods() and len(cloud.ended()) == 1


def test_case_40_two_workspaces_of_one_account_never_touch_each_others_pods(
    open_workspace: Callable[..., Desk], cloud: RunPod
) -> None:
    ours, theirs = open_workspace("ours"), open_workspace("theirs")
    mine, other = rent(ours, wish_for(job="over")), rent(theirs, wish_for(job="over"))
    foreign = ["my-training", "fumehood", f"fumehood-{ours.owner}", "fumehood-zz-0123456789abcdef"]
    for name in foreign:
        ours.api.create(PodOrder(name=name, image="an/image"), A40)
    (reaped,) = reap(ours, lambda job: False)
    assert (reaped.did, reaped.pod_id) == ("ended", mine.pod.id)
    assert end_all(ours) == []
    assert {pod.name for pod in cloud.pods().values()} == {other.pod.name, *foreign}


def test_case_41_after_the_loss_of_the_journal_pods_are_orphans_until_they_are_adopted_or_ended(
    open_workspace: Callable[..., Desk], cloud: RunPod, clock: SharedClock, tmp_path: Path
) -> None:
    first = open_workspace()
    kept, ended = rent(first, wish_for("pod 0")), rent(first, wish_for("pod 1"))
    first.close()
    for path in (tmp_path / "workspace" / ".fumehood").glob("rentals.sqlite3*"):
        path.unlink()
    desk = open_workspace()
    found = reap(desk, lambda job: True)
    assert {(one.did, one.pod_id) for one in found} == {
        ("orphan", kept.pod.id),
        ("orphan", ended.pod.id),
    }
    assert "ended in 30 min unless it is adopted" in found[0].why
    clock.sleep(1700)
    assert {one.did for one in reap(desk, lambda job: True)} == {"orphan"}
    adopted = adopt_orphan(desk, kept.rental.intent, wish_for("pod 0", job="job"))
    assert adopted.pod.id == kept.pod.id and adopted.rental.state == "ready"
    clock.sleep(101)
    assert {(one.did, one.pod_id) for one in reap(desk, lambda job: True)} == {
        ("kept", kept.pod.id),
        ("ended", ended.pod.id),
    }
    assert list(cloud.pods()) == [kept.pod.id]
    assert rent(desk, wish_for("pod 0", job="job")).pod.id == kept.pod.id


def test_case_25_the_reaper_ends_pods_that_are_over_and_keeps_those_that_are_needed(
    desk: Desk, cloud: RunPod, clock: SharedClock
) -> None:
    over = rent(desk, wish_for("pod 0", job="over"))
    needed = rent(desk, wish_for("pod 1", job="needed"))
    by_hand = rent(desk, wish_for("pod 2", runtime_s=60.0))
    did = {one.pod_id: (one.did, one.why) for one in reap(desk, lambda job: job == "needed")}
    assert did[over.pod.id] == ("ended", "its job over is over")
    assert did[needed.pod.id][0] == did[by_hand.pod.id][0] == "kept"
    clock.sleep(7261)
    assert {one.did for one in reap(desk, lambda job: True)} == {"kept", "ended"}
    assert list(cloud.pods()) == [needed.pod.id]


def test_case_06_the_reaper_ends_second_pods_of_an_intent_and_pods_that_turn_up_after_their_end(
    desk: Desk, cloud: RunPod
) -> None:
    living, ended = rent(desk, wish_for("pod 0")), rent(desk, wish_for("pod 1"))
    end_rental(desk, ended.rental.intent, "done")
    for name in (living.pod.name, ended.pod.name):
        desk.api.create(PodOrder(name=name, image="an/image"), A40)
    did = {one.why.split(" (")[0] for one in reap(desk, lambda job: True) if one.did == "ended"}
    assert did == {
        "its rental ended before",
        f"it is a second pod of one intent, beside {living.pod.id}",
    }
    assert list(cloud.pods()) == [living.pod.id]


def test_case_06_an_end_looks_by_name_for_the_pods_of_create_requests_without_an_answer(
    desk: Desk, cloud: RunPod, clock: SharedClock
) -> None:
    cloud.fault(on="create", kind="lost_response")
    clock.at_next_sleep = cloud.revoke_key
    with pytest.raises(InDoubt):
        rent(desk, wish_for("pod 0"))
    cloud.restore_key()
    (in_doubt,) = desk.journal.rentals()
    assert record_of(end_rental(desk, in_doubt.intent, "given up")) is not None
    assert not cloud.pods() and len(cloud.ended()) == 1
    cloud.fault(on="create", kind="reset")
    rental, pod = rent(desk, wish_for("pod 1"))
    desk.api.create(PodOrder(name=pod.name, image="an/image"), A40)
    end_rental(desk, rental.intent, "done")
    assert not cloud.pods()


def test_case_06_the_reaper_waits_for_a_pod_whose_create_request_is_carried_out_late(
    desk: Desk, cloud: RunPod, clock: SharedClock
) -> None:
    cloud.fault(on="create", kind="reset")
    rental, pod = rent(desk, wish_for())
    assert desk.journal.rental(rental.intent).asks == 2
    end_rental(desk, rental.intent, "done")
    assert [one.did for one in reap(desk, lambda job: True)] == ["late"]
    desk.api.create(PodOrder(name=pod.name, image="an/image"), A40)
    assert [one.did for one in reap(desk, lambda job: True)] == ["late", "ended"]
    clock.sleep(181)
    assert reap(desk, lambda job: True) == [] and not cloud.pods()
