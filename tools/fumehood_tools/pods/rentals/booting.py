"""Wait until a new pod can be reached, or end it.

A provider says "running" while the image is still being pulled; a container that crashes is started
again for ever, and billed; some pods never get a public address. All of them look alike from here
until the deadline, so the error names what was seen last, and has the provider's log.
"""

from typing import NamedTuple

from fumehood_tools.pods.api import Pod, PodsFailed
from fumehood_tools.pods.rentals.desk import Desk
from fumehood_tools.pods.rentals.ending import end_rental
from fumehood_tools.pods.rentals.failures import BootFailed, PriceDiffers
from fumehood_tools.pods.rentals.model import Proof, Rental
from fumehood_tools.timestamps import now

LOOK_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Pauses between looks at a booting pod; the last one repeats."""
PRICE_TOLERANCE = 0.001
"""US dollars per hour: providers round."""
LOG_LINES = 20
VANISHED = "the provider says that this pod does not exist, and nobody here ended it"


class Rented(NamedTuple):
    """A pod that can be reached."""

    rental: Rental
    pod: Pod


def boot(desk: Desk, rental: Rental, *, again: bool = False) -> Rented:
    """Return the rental of a created pod once it can be reached, with the pod.

    again: it was up before, so its time begins now, and it may still be stopped. Raises BootFailed
    and PriceDiffers, after ending the pod; StillBilling if it could not be ended; RentalEnded if
    somebody else ended it.
    """
    if rental.state == "created":
        rental = desk.journal.move(rental, "booting", "waiting for it to be reachable")
    limit = desk.journal.age(rental) + rental.setup_s if again else rental.setup_s
    looks = 0
    pod: Pod | None = None
    told = ""
    while True:
        try:
            pod = desk.api.get(rental.pod_id or "")
            told = ""
        except PodsFailed as error:
            told = f"the provider does not answer ({error})"
        if not told:
            if pod is None:
                raise _vanished(desk, rental)
            rental = check_price(desk, rental, pod)
            if pod.state == "running" and pod.ssh is not None:
                return Rented(_ready(desk, rental, pod), pod)
            if pod.state == "failed" or (pod.state == "stopped" and not again):
                raise _given_up(desk, rental, f"it has {pod.state} {pod.told}".rstrip())
        if desk.journal.age(rental) >= min(limit, rental.life_s):
            late = f"it was not ready after {rental.setup_s:.0f} s: "
            raise _given_up(desk, rental, late + (told or _seen(pod)))
        desk.clock.sleep(LOOK_SECONDS[min(looks, len(LOOK_SECONDS) - 1)])
        rental, looks = desk.journal.still_up(rental), looks + 1


def check_price(desk: Desk, rental: Rental, pod: Pod) -> Rental:
    """Write the price of a pod down when it is first told. Raises PriceDiffers, the pod ended."""
    price = pod.price_usd_per_hour
    if price is None or pod.state not in ("preparing", "running"):
        return rental  # a pod that does not run is billed for its disks only
    if rental.price_usd_per_hour != price:
        rental = desk.journal.learn(rental, price_usd_per_hour=price)
    quoted = rental.quoted_usd_per_hour
    if quoted is not None and abs(price - quoted) > PRICE_TOLERANCE:
        raise _wrong_price(desk, rental, quoted, price)
    return rental


def lose(desk: Desk, rental: Rental) -> Rental:
    """Write down that a pod vanished without our doing: it is billed no more."""
    proof = Proof(time=now(), interface=desk.api.interface, answer=VANISHED)
    desk.journal.learn(rental, why=VANISHED)
    return desk.journal.ended(rental, "lost", VANISHED, proof)


def log_of(desk: Desk, pod_id: str | None) -> str:
    """Return the end of the provider's log of a pod, as the last part of an error message."""
    try:
        lines = desk.api.logs(pod_id or "")
    except PodsFailed as error:
        return f" The provider's log could not be read ({error})."
    if not lines:
        return " The provider has no log of it."
    end = "\n".join(f"{line.source}: {line.text}" for line in lines[-LOG_LINES:])
    return f" The end of the provider's log:\n{end}"


def _ready(desk: Desk, rental: Rental, pod: Pod) -> Rental:
    quoted = rental.quoted_usd_per_hour
    if rental.price_usd_per_hour is None and quoted is not None:
        raise _wrong_price(desk, rental, quoted, None)
    assert pod.ssh is not None
    return desk.journal.move(rental, "ready", f"reachable at port {pod.ssh.port}")


def _seen(pod: Pod | None) -> str:
    if pod is not None and pod.state == "running":
        return (
            "its container runs, but port 22 has no public address. Check that the image starts "
            "sshd, and rent from the secure cloud or in another data center."
        )
    return (
        "its container does not run: the image is still being pulled, or the container ends as "
        "soon as it is started. Check the image and the start command, or allow more setup time."
    )


def _wrong_price(desk: Desk, rental: Rental, quoted: float, price: float | None) -> PriceDiffers:
    told = "no price" if price is None else f"${price:.4f}"
    why = f"its price per hour is {told}, and was quoted at ${quoted:.4f}"
    end_rental(desk, rental.intent, why)
    return PriceDiffers(rental.name, quoted, price)


def _vanished(desk: Desk, rental: Rental) -> BootFailed:
    lose(desk, rental)
    return BootFailed(f"The pod {rental.name} vanished while it was booting: {VANISHED}.")


def _given_up(desk: Desk, rental: Rental, why: str) -> BootFailed:
    log = log_of(desk, rental.pod_id)
    end_rental(desk, rental.intent, why)
    return BootFailed(f"The pod {rental.name} was terminated because {why}{log}")
