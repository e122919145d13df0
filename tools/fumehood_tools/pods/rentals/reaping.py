"""One look at all pods of this workspace: end what nobody needs, and say what was done.

Only pods with our name and our owner are touched. Ended are: pods whose job is over, pods older
than their longest life, pods that should be gone, second pods of one intent, and orphans (pods that
the journal does not know, because it was lost) after a grace in which a person can adopt them.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, NamedTuple

from fumehood_tools.errors import FumehoodError
from fumehood_tools.pods.api import Pod
from fumehood_tools.pods.rentals.booting import lose
from fumehood_tools.pods.rentals.desk import Desk
from fumehood_tools.pods.rentals.ending import end_rental
from fumehood_tools.pods.rentals.failures import InDoubt, RentalBusy, StillBilling
from fumehood_tools.pods.rentals.model import ENDED, Rental
from fumehood_tools.pods.rentals.names import parse_name
from fumehood_tools.pods.rentals.proving import end_pod, is_gone

ORPHAN_GRACE_SECONDS = 1800.0
"""How long an orphan may live after it was found."""
LATE_SECONDS = 180.0
"""How long after a create request without an answer its pod may still turn up."""

IsWanted = Callable[[str], bool]
"""Whether the job with this id still needs its pods."""
Did = Literal["kept", "ended", "lost", "orphan", "late", "alarm", "busy"]
"""kept: nothing was done. orphan: found now or kept for its grace. busy: somebody else is just
creating or ending it. late: it has ended, and a pod of a lost create request may still turn up.
alarm: it could not be ended, and is billed."""


class Reaped(NamedTuple):
    """What a look did with one pod or intent, and why."""

    name: str
    pod_id: str | None
    did: Did
    why: str


def reap(
    desk: Desk, is_wanted: IsWanted, orphan_grace_s: float = ORPHAN_GRACE_SECONDS
) -> list[Reaped]:
    """Look at all pods of this workspace once. Raises PodsFailed if they cannot be listed.

    Takes up to three minutes per pod that does not end. A failure with one is in the result.
    """
    # The pods first: every pod in this list was in the journal before it existed.
    ours = [pod for pod in desk.api.pods() if desk.is_ours(pod)]
    done = [
        _look_at(desk, rental, ours, is_wanted, orphan_grace_s) for rental in desk.journal.rentals()
    ]
    known = {rental.intent: rental for rental in desk.journal.rentals(ended=True)}
    done += [_told(one, "late", "") for one in known.values() if _may_turn_up(desk, one)]
    for pod in ours:
        name = parse_name(pod.name)
        rental = known.get(name.intent) if name else None
        if name and rental is None:
            desk.journal.orphan(pod, name.intent)
            grace = f"it is ended in {orphan_grace_s / 60:.0f} min unless it is adopted"
            done.append(Reaped(pod.name, pod.id, "orphan", f"the journal lacks it; {grace}"))
        elif rental and (why := _why_surplus(rental, pod)) and desk.api.get(pod.id) is not None:
            done.append(_end_surplus(desk, pod, why))
    return done


def _look_at(
    desk: Desk, rental: Rental, ours: list[Pod], is_wanted: IsWanted, orphan_grace_s: float
) -> Reaped:
    rental = desk.journal.accrue(rental)
    there = any(pod.name == rental.name for pod in ours)
    try:
        with desk.holding(rental, 0):
            rental = desk.journal.rental(rental.intent)
            if rental.is_ended:
                return _told(rental, "ended", rental.why)
            missing = None if there or rental.state == "terminating" else rental.pod_id
            if missing and is_gone(desk.api, missing):
                return _told(lose(desk, rental), "lost", "the provider has it no more")
            why = _why_to_end(desk, rental, is_wanted, orphan_grace_s)
    except RentalBusy:
        return _told(rental, "busy", "another process is creating or ending it")
    except FumehoodError as error:
        return _told(rental, "alarm", str(error))
    if why is None:
        return _told(rental, "orphan" if rental.state == "orphan" else "kept", "")
    return _end(desk, rental, why)


def _why_to_end(
    desk: Desk, rental: Rental, is_wanted: IsWanted, orphan_grace_s: float
) -> str | None:
    age = desk.journal.age(rental)
    if rental.state == "orphan":
        over = age >= orphan_grace_s
        return "it is an orphan, and nobody adopted it in its grace" if over else None
    if rental.state == "terminating":
        return rental.why or "it was to be ended"
    if rental.asked_epoch is None:
        late = desk.clock.epoch() - datetime.fromisoformat(rental.written).timestamp()
        return "its process ended before it asked for the pod" if late > LATE_SECONDS else None
    if age >= rental.life_s:
        return f"its longest life of {rental.life_s:.0f} s is over"
    if rental.job is None or is_wanted(rental.job):
        return None
    if rental.state == "intent" and age < LATE_SECONDS:
        return None  # its create request may still be carried out
    return f"its job {rental.job} is over"


def _end(desk: Desk, rental: Rental, why: str) -> Reaped:
    try:
        rental = end_rental(desk, rental.intent, why, wait_s=0)
    except RentalBusy:
        return _told(rental, "busy", "another process is creating or ending it")
    except (StillBilling, InDoubt) as error:
        return _told(rental, "alarm", str(error))
    return _told(rental, "ended", why)


def _may_turn_up(desk: Desk, rental: Rental) -> bool:
    """Whether a create request was asked twice, and the first may only now be carried out."""
    since = desk.clock.epoch() - (rental.ended_epoch or 0)
    return rental.is_ended and rental.asks > 1 and since < LATE_SECONDS


def _why_surplus(rental: Rental, pod: Pod) -> str | None:
    if rental.state in ENDED:
        return f"its rental ended before ({rental.why})"
    if rental.pod_id is not None and rental.pod_id != pod.id:
        return f"it is a second pod of one intent, beside {rental.pod_id}"
    return None


def _end_surplus(desk: Desk, pod: Pod, why: str) -> Reaped:
    try:
        end_pod(desk.api, desk.clock, pod.id, pod.name, pod.price_usd_per_hour)
    except StillBilling as error:
        return Reaped(pod.name, pod.id, "alarm", str(error))
    return Reaped(pod.name, pod.id, "ended", why)


def _told(rental: Rental, did: Did, why: str) -> Reaped:
    return Reaped(rental.name, rental.pod_id, did, why)
