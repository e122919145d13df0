"""Create exactly one pod for an intent, whatever happens to the answers and to this process.

The provider has no idempotency key. So an intent is journalled before the request, and after a lost
answer, an error that may have come after the fact, or a restart, the pod is looked for by its name
before anybody asks again. A pod that shows up after all looks is ended by the reaper.
"""

from fumehood_tools.pods.api import (
    InterfaceUnusable,
    KeyRefused,
    NoCapacity,
    OrderRefused,
    Pod,
    PodOrder,
    PodsFailed,
    ServiceRetired,
)
from fumehood_tools.pods.rentals.desk import Desk
from fumehood_tools.pods.rentals.failures import InDoubt
from fumehood_tools.pods.rentals.model import Rental
from fumehood_tools.pods.rentals.proving import end_pod

NOTHING_DONE = (NoCapacity, OrderRefused, KeyRefused, ServiceRetired, InterfaceUnusable)
"""After these answers there is surely no pod. After any other failure there may be one."""
ASK_WAITS = (2.0, 10.0, 30.0)
"""Seconds to wait after each create request that did not say what it did."""
LOOK_WAITS = (0.0, 2.0, 5.0)
"""Seconds before each look for a pod by its name."""


def create_once(desk: Desk, rental: Rental, order: PodOrder) -> Rental:
    """Return the rental with its pod: the one that is there, or else a new one.

    The caller holds the rental. Raises NoCapacity, OrderRefused, KeyRefused or ServiceRetired if
    there is surely no pod, which is written down; InDoubt if there may be one; RentalEnded.
    """
    told = "this process was restarted"
    for wait in ASK_WAITS:
        if rental.asks and (pod := _found(desk, rental, told)):
            return _adopted(desk, rental, pod)
        rental = desk.journal.asking(rental)
        try:
            pod = desk.api.create(order.model_copy(update={"name": rental.name}), rental.gpu or "")
        except NOTHING_DONE as error:
            desk.journal.unmade(rental, str(error))
            raise
        except PodsFailed as error:
            told = str(error)
            desk.clock.sleep(error.retry_after or wait)
            continue
        return desk.journal.created(rental, pod, f"created as {pod.id}")
    if pod := _found(desk, rental, told):
        return _adopted(desk, rental, pod)
    raise InDoubt(rental.name, told)


def _found(desk: Desk, rental: Rental, told: str) -> Pod | None:
    """Look for the pod by its name. Of several, one is kept and the others are ended."""
    for wait in LOOK_WAITS:
        desk.clock.sleep(wait)
        try:
            pods = desk.named(rental.name)
        except PodsFailed as error:
            raise InDoubt(rental.name, f"{told}; then: {error}") from error
        for double in pods[1:]:
            end_pod(desk.api, desk.clock, double.id, double.name, double.price_usd_per_hour)
        if pods:
            return pods[0]
    return None


def _adopted(desk: Desk, rental: Rental, pod: Pod) -> Rental:
    return desk.journal.created(rental, pod, f"found by its name and adopted as {pod.id}")
