"""Start a pod again that the provider has stopped (preempted).

Its volume is kept and its container begins anew, at another address. Its machine may have given its
GPUs to somebody else: then it starts without any, and is billed for nothing useful.
"""

from fumehood_tools.pods.api import NoCapacity
from fumehood_tools.pods.rentals.booting import Rented, boot
from fumehood_tools.pods.rentals.desk import Desk
from fumehood_tools.pods.rentals.ending import end_rental
from fumehood_tools.pods.rentals.failures import NoGpusLeft
from fumehood_tools.pods.rentals.model import Rental


def revive(desk: Desk, intent: str) -> Rented:
    """Start a stopped pod again and wait until it can be reached. Its address may have changed.

    If its machine has too few free GPUs by now, this ends the pod and raises NoGpusLeft. It also
    raises what `boot` raises. The limit for booting starts now, and never extends past the pod's
    longest life.
    """
    rental = desk.journal.rental(intent)
    rental = desk.journal.move(rental, "booting", "starting the stopped pod again", stopped=True)
    try:
        desk.api.resume(rental.pod_id or "", rental.gpu_count)
    except NoCapacity as error:
        raise _without_gpus(desk, rental, str(error)) from error
    rental, pod = boot(desk, rental, again=True)
    if pod.gpu_count < rental.gpu_count:
        raise _without_gpus(desk, rental, f"after the restart it had {pod.gpu_count} GPUs")
    return Rented(rental, pod)


def _without_gpus(desk: Desk, rental: Rental, why: str) -> NoGpusLeft:
    end_rental(desk, rental.intent, f"started again without its GPUs: {why}")
    return NoGpusLeft(
        f"The pod {rental.name} was stopped, and its machine has no {rental.gpu_count} free GPUs "
        f"to start it again ({why}). It was terminated. Rent another pod: the job continues from "
        "the checkpoint that was copied last."
    )
