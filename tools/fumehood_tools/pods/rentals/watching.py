"""Look after a pod that is up: is it still there, what has it cost, and must it end now?

The provider may stop a pod, lose it or end it (an empty account), and it tells nobody. So whoever
runs a job on a pod looks every minute. A look never ends a pod by itself.
"""

from typing import Literal, NamedTuple

from fumehood_tools.pods.api import Pod, PodsFailed
from fumehood_tools.pods.rentals.booting import check_price, lose
from fumehood_tools.pods.rentals.desk import Desk
from fumehood_tools.pods.rentals.model import LEASE_SECONDS, Caps, Life, Rental

Seen = Literal["up", "unreachable", "stopped", "failed", "lost", "ended", "unknown"]
"""unreachable: it runs, and has no address now. stopped: preempted, its container does not run.
lost: the provider says that it is gone. ended: by us. unknown: the provider does not answer."""


class Look(NamedTuple):
    """What was seen of a pod.

    must_end: why it must be ended now; None: it may go on. life: what the watchdog in the pod is
    to be told now. told: what the provider says, or why it says nothing.
    """

    seen: Seen
    rental: Rental
    pod: Pod | None
    must_end: str | None
    life: Life
    told: str


def look_at(desk: Desk, intent: str, caps: Caps) -> Look:
    """Look at a pod that is up, and write down what it has cost so far by our clock.

    A pod that vanished is written down as lost. caps: as in the Wish. Raises PriceDiffers if the
    price changed (the pod was ended), StillBilling, StorageFailed.
    """
    rental = desk.journal.accrue(desk.journal.rental(intent))
    if rental.is_ended:
        seen: Seen = "lost" if rental.state == "lost" else "ended"
        return Look(seen, rental, None, None, Life(0, 0), rental.why)
    pod, seen, told = None, "unknown", ""
    try:
        pod = desk.api.get(rental.pod_id or "")
        seen, told = _seen(pod), pod.told if pod else ""
    except PodsFailed as error:
        told = str(error)
    if seen == "stopped":
        rental = desk.journal.learn(rental, stopped=True)
    if seen == "lost":
        rental = lose(desk, rental)
        return Look(seen, rental, None, None, Life(0, 0), rental.why)
    if pod is not None:
        rental = check_price(desk, rental, pod)
    left = max(0.0, rental.life_s - desk.journal.age(rental))
    must_end = why_to_end(desk, rental, caps)
    return Look(seen, rental, pod, must_end, Life(LEASE_SECONDS, left), told)


def why_to_end(desk: Desk, rental: Rental, caps: Caps) -> str | None:
    """Return why a rental must be ended now; None if it may go on. Asks nobody but the clock."""
    age = desk.journal.age(rental)
    if age >= rental.life_s:
        return f"its longest life of {rental.life_s:.0f} s is over"
    for cap, usd, spending in desk.journal.capped(caps, rental.job, rental.study):
        if (cost := max(spending.measured, rental.measured_usd)) >= usd:
            return f"the cap of this {cap} is reached: ${cost:.4f} of ${usd:.2f}"
    return None


def _seen(pod: Pod | None) -> Seen:
    if pod is None:
        return "lost"
    if pod.state == "running":
        return "up" if pod.ssh else "unreachable"
    return (
        "failed"
        if pod.state == "failed"
        else "stopped"
        if pod.state == "stopped"
        else "unreachable"
    )
