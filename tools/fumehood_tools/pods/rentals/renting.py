"""Rent a pod for a job: the first GPU of the user's list that is free, fits the caps and boots.

At most one pod per place is rented at a time, by however many processes and after whichever crash:
a caller that repeats its wish gets the pod that is there. Costs one create request per try, and
some looks; nothing is rented when a cap would be passed.
"""

from fumehood_tools.errors import FumehoodError, UnknownName
from fumehood_tools.pods.api import GpuOffer, NoCapacity
from fumehood_tools.pods.rentals.booting import Rented, boot, check_price, lose
from fumehood_tools.pods.rentals.creating import create_once
from fumehood_tools.pods.rentals.desk import Desk
from fumehood_tools.pods.rentals.ending import end_rental
from fumehood_tools.pods.rentals.failures import (
    BootFailed,
    CapReached,
    NoGpusLeft,
    NothingRented,
)
from fumehood_tools.pods.rentals.model import UP, Rental, Wish
from fumehood_tools.pods.rentals.reviving import revive

ROUND_WAITS = (30.0, 60.0, 120.0)
"""Seconds between the rounds through the list of GPUs, when none was free."""
MOST_BOOTS = 3
"""How many pods may fail to boot for one wish; each was billed until it was ended."""


def rent(desk: Desk, wish: Wish) -> Rented:
    """Return a pod that can be reached: the one at this place, or a new one.

    Takes minutes. Raises CapReached if no GPU of the list fits the caps; NothingRented after all
    tries; PriceDiffers, InDoubt, RentalEnded, StillBilling (see `failures`); UnknownName for a GPU
    that the provider does not have; PodsFailed.
    """
    if there := _there(desk, wish):
        return there
    tries = _Tries(desk, wish)
    for wait in (*ROUND_WAITS, None):
        for gpu, price in tries.offered():
            if rented := tries.rent(gpu, price):
                return rented
        if not tries.may_help_to_wait or wait is None:
            break
        tries.told.append(f"waited {wait:.0f} s")
        desk.clock.sleep(wait)
    raise tries.failure()


def adopt_orphan(desk: Desk, intent: str, wish: Wish) -> Rented:
    """Give a pod that the journal did not know to a job, and wait until it can be reached.

    Raises CapReached, and BadRequest if it is no orphan (any more); and what `boot` raises.
    """
    rental = desk.journal.adopt(desk.journal.accrue(desk.journal.rental(intent)), wish)
    return boot(desk, rental)


class _Tries:
    """What was tried for one wish."""

    def __init__(self, desk: Desk, wish: Wish) -> None:
        self.desk, self.wish = desk, wish
        self.told: list[str] = []
        self.may_help_to_wait = False
        self.boots = 0
        self.cap: CapReached | None = None
        self.boot: BootFailed | None = None

    def offered(self) -> list[tuple[str, float]]:
        """Return the GPUs of the wish that are sold now, with the price of a pod."""
        order = self.wish.order
        offers = [
            offer
            for offer in self.desk.api.offers(order.gpu_count, order.cloud)
            if offer.cloud == order.cloud
        ]
        known = {offer.gpu: offer for offer in offers}
        for gpu in self.wish.gpus:
            if gpu not in known:
                raise UnknownName("GPU", gpu, known, "list_gpus shows what can be rented.")
        self.may_help_to_wait = False
        return [pair for gpu in self.wish.gpus if (pair := self._priced(known[gpu]))]

    def rent(self, gpu: str, price: float) -> Rented | None:
        """Try one GPU. Return None when another one, or the same one later, may do."""
        if self.boots >= MOST_BOOTS:
            return None
        try:
            rental = self.desk.journal.reserve(self.wish, gpu, price)
            return _brought_up(self.desk, self.wish, rental)
        except CapReached as error:
            self.cap = error
            self.told.append(f"{gpu}: over the cap of this {error.cap}")
        except NoCapacity:
            self.may_help_to_wait = True
            self.told.append(f"{gpu}: none free")
        except BootFailed as error:
            self.boots, self.boot = self.boots + 1, error
            self.may_help_to_wait = self.boots < MOST_BOOTS
            self.told.append(f"{gpu}: did not boot")
        return None

    def failure(self) -> CapReached | NothingRented:
        """Return the error for all tries together."""
        if self.cap is not None and all("over the cap" in told for told in self.told):
            return self.cap
        last = f" The last one: {self.boot}" if self.boot else ""
        return NothingRented(
            f"No pod could be rented, and none of the tries is left: {'; '.join(self.told)}. Name "
            f"more kinds of GPU, or try again later.{last}"
        )

    def _priced(self, offer: GpuOffer) -> tuple[str, float] | None:
        if offer.price_usd_per_hour is None:
            self.told.append(f"{offer.gpu}: not sold now")
            self.may_help_to_wait = True
            return None
        return offer.gpu, offer.price_usd_per_hour


def _there(desk: Desk, wish: Wish) -> Rented | None:
    """Return the pod at the place of a wish, brought up if it was not yet."""
    rental = desk.journal.at(wish.place)
    if rental is None:
        return None
    if rental.order_digest != wish.digest() or rental.state == "terminating":
        end_rental(desk, rental.intent, "another order took its place")
        return None
    if rental.job != wish.job:
        rental = desk.journal.learn(rental, job=wish.job)
    try:
        return _brought_up(desk, wish, rental)
    except (BootFailed, NoCapacity, NoGpusLeft):
        return None


def _brought_up(desk: Desk, wish: Wish, rental: Rental) -> Rented | None:
    """Bring a rental from whichever state to a pod that can be reached. None: it has vanished."""
    if rental.state == "intent":
        with desk.holding(rental):
            rental = desk.journal.rental(rental.intent)
            if rental.state == "intent":
                _let_watch(desk, rental)
                rental = create_once(desk, rental, wish.order)
    if rental.state in UP:
        return _still_up(desk, rental)
    return boot(desk, rental)


def _let_watch(desk: Desk, rental: Rental) -> None:
    """Start the reaper. Without one, nothing is rented."""
    try:
        desk.watch()
    except FumehoodError as error:
        if not rental.asks:
            desk.journal.unmade(rental, str(error))
        raise


def _still_up(desk: Desk, rental: Rental) -> Rented | None:
    pod = desk.api.get(rental.pod_id or "")
    if pod is None:
        lose(desk, rental)
        return None
    rental = check_price(desk, rental, pod)
    if pod.state == "stopped":
        return revive(desk, rental.intent)
    if pod.state == "running" and pod.ssh is not None:
        return Rented(rental, pod)
    return boot(desk, rental, again=True)
