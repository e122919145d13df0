"""End rentals: one, or all of this workspace.

A rental whose pod cannot be ended stays `terminating`, StillBilling says what to do by hand, and
the reaper goes on.
"""

import contextlib
from collections.abc import Iterable
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError
from fumehood_tools.pods.api import PodsFailed
from fumehood_tools.pods.rentals.desk import Desk
from fumehood_tools.pods.rentals.failures import (
    InDoubt,
    RentalBusy,
    RentalEnded,
    StillBilling,
)
from fumehood_tools.pods.rentals.model import ENDED, Proof, Rental, RentalRecord
from fumehood_tools.pods.rentals.proving import end_pod, end_pods

LOCK_SECONDS = 300.0


class Ended(NamedTuple):
    """What became of one pod that was to be ended. error: None if it has ended.

    record: None if it has not ended, if there was no pod, or if the journal did not know it.
    """

    name: str
    pod_id: str | None
    record: RentalRecord | None
    error: FumehoodError | None


def end_rental(desk: Desk, intent: str, why: str, *, wait_s: float = LOCK_SECONDS) -> Rental:
    """End a rental and return its row; one that has ended already is returned as it is.

    why: is kept in the journal and in the record. wait_s: how long to wait for somebody else who
    is just creating or ending this pod. Raises StillBilling; InDoubt if it cannot be found out
    whether a pod exists; RentalBusy, StorageFailed.
    """
    rental = desk.journal.rental(intent)
    with desk.holding(rental, wait_s), contextlib.suppress(RentalEnded):
        rental = desk.journal.move(rental, "terminating", why, why=why)
        _note_whether_stopped(desk, rental)
        for ended in _finish(desk, [rental]):
            if ended.error is not None:
                raise ended.error
    return desk.journal.rental(intent)


def end_all(desk: Desk, why: str = "everything was to be ended") -> list[Ended]:
    """End all pods of this workspace, also those that the journal does not know.

    One that cannot be ended keeps none of the others alive: see `error` of each. Raises PodsFailed
    if the provider does not list its pods; what the journal knows has been ended before.
    """
    busy, done = [], []
    with contextlib.ExitStack() as locks:
        ours = []
        for rental in desk.journal.rentals():
            try:
                locks.enter_context(desk.holding(rental, 0))
                ours.append(desk.journal.move(rental, "terminating", why, why=why))
            except RentalBusy:
                busy.append(rental)
            except RentalEnded:
                continue
        done += _finish(desk, ours)
    done += [_ended_after_wait(desk, rental, why) for rental in busy]
    return done + _end_strays(desk, {ended.pod_id for ended in done})


def reconciled(desk: Desk, rental: Rental) -> Rental:
    """Write what the provider has billed for a pod, where it tells; no error if it does not."""
    if rental.pod_id is None:
        return rental
    with contextlib.suppress(PodsFailed):
        billed = desk.api.billed_usd(rental.pod_id)
        if billed is not None:
            return desk.journal.learn(rental, billed_usd=billed)
    return rental


def record_of(rental: Rental) -> RentalRecord | None:
    """Return the record of a rental that has ended; None before, and if there was no pod."""
    if rental.state not in ENDED or rental.pod_id is None or rental.proof is None:
        return None
    fields = {name: getattr(rental, name, None) for name in RentalRecord.model_fields}
    return RentalRecord.model_validate({**fields, "pod_name": rental.name})


def _note_whether_stopped(desk: Desk, rental: Rental) -> None:
    """Write down if the provider has stopped the pod: then its bill is lower than its age says."""
    with contextlib.suppress(PodsFailed):
        pod = desk.api.get(rental.pod_id) if rental.pod_id else None
        if pod is not None and pod.state == "stopped":
            desk.journal.learn(rental, stopped=True)


def _finish(desk: Desk, rentals: Iterable[Rental]) -> list[Ended]:
    """End the pods of rentals that are `terminating` and whose locks are held."""
    done, pods = [], {}
    for rental in rentals:
        try:
            pods[rental.intent] = _pods_of(desk, rental)
        except PodsFailed as error:
            doubt = InDoubt(rental.name, str(error))
            done.append(Ended(rental.name, rental.pod_id, None, doubt))
    verdicts = end_pods(desk.api, desk.clock, [one for ids in pods.values() for one in ids])
    for intent, ids in pods.items():
        done.append(_finished(desk, desk.journal.rental(intent), {i: verdicts[i] for i in ids}))
    return done


def _pods_of(desk: Desk, rental: Rental) -> list[str]:
    """Return the ids of all pods of a rental: none, one, or more after a lost create request."""
    ids = [rental.pod_id] if rental.pod_id else []
    if rental.asks > 1 or not ids:
        ids += [pod.id for pod in desk.named(rental.name) if pod.id not in ids]
    if ids and rental.pod_id is None:
        desk.journal.learn(rental, pod_id=ids[0])
    return ids


def _finished(desk: Desk, rental: Rental, verdicts: dict[str, Proof | str]) -> Ended:
    proof = None
    for pod_id, verdict in reversed(verdicts.items()):
        if isinstance(verdict, str):
            desk.journal.accrue(rental)
            error = StillBilling(pod_id, rental.name, rental.usd_per_hour, verdict)
            return Ended(rental.name, pod_id, None, error)
        proof = verdict
    if proof is None:
        desk.journal.unmade(rental, rental.why)
        return Ended(rental.name, None, None, None)
    rental = desk.journal.ended(rental, "verified_gone", proof.answer, proof)
    return Ended(rental.name, rental.pod_id, record_of(reconciled(desk, rental)), None)


def _ended_after_wait(desk: Desk, rental: Rental, why: str) -> Ended:
    try:
        rental = end_rental(desk, rental.intent, why)
    except FumehoodError as error:
        return Ended(rental.name, rental.pod_id, None, error)
    return Ended(rental.name, rental.pod_id, record_of(rental), None)


def _end_strays(desk: Desk, tried: set[str | None]) -> list[Ended]:
    done = []
    for pod in desk.api.pods():
        if desk.is_ours(pod) and pod.id not in tried:
            error = None
            try:
                end_pod(desk.api, desk.clock, pod.id, pod.name, pod.price_usd_per_hour)
            except StillBilling as failure:
                error = failure
            done.append(Ended(pod.name, pod.id, None, error))
    return done
