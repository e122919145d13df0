"""What can go wrong with a rental, beyond what the provider answers (`api.failures`).

RentalFailed             a pod could not be rented or ended as asked
├── CapReached           it would cost more than a cap allows: nothing was rented
├── NothingRented        all tries failed; no pod of them is left
├── InDoubt              nobody can say now whether a pod was created; it is looked for later
├── PriceDiffers         the pod had another price than the quote, and was terminated
├── BootFailed           the pod never became ready, and was terminated
├── RentalEnded          the rental was ended by somebody else meanwhile
├── RentalBusy           another process is just creating or ending this pod
├── NoGpusLeft           a stopped pod came back without its GPUs, and was terminated
└── StillBilling         a pod could not be ended: somebody must do it by hand
"""

from fumehood_tools.errors import FumehoodError

CONSOLE = "https://console.runpod.io/pods"


class RentalFailed(FumehoodError):
    """A pod could not be rented or ended as asked."""

    code = "pods_rental_failed"


class CapReached(RentalFailed):
    """A rental would cost more than a cap allows. Nothing was rented."""

    code = "pods_cap_reached"

    def __init__(self, cap: str, usd: float, spent: float, reserved: float, wanted: float) -> None:
        """cap: job, study or day. Amounts in US dollars; reserved: by pods that are not ended."""
        super().__init__(
            f"The pod needs ${wanted:.2f} in reserve, and the cap of this {cap} is ${usd:.2f}: "
            f"${spent:.2f} are spent and ${reserved:.2f} reserved. Nothing was rented. Choose a "
            f"cheaper GPU or a shorter run, end a pod, or {_CURES[cap]}."
        )
        self.cap, self.usd, self.spent, self.reserved = cap, usd, spent, reserved
        self.wanted = wanted
        self.limit = f"cost_{cap}"


_CURES = {
    "job": "ask the user for a higher max_cost_usd or FUMEHOOD_POD_MAX_COST_JOB",
    "study": "ask the user for a larger budget of the study",
    "day": "ask the user for a higher FUMEHOOD_POD_MAX_COST_DAY (a day ends at 00:00 UTC)",
}


class NothingRented(RentalFailed):
    """All tries failed, and no pod of them is left."""

    code = "pods_nothing_rented"


class InDoubt(RentalFailed):
    """Nobody can say now whether a pod was created."""

    code = "pods_in_doubt"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"It is not known whether the pod {name} exists, because the provider does not answer "
            f"({why}). Its cost stays reserved, and the reaper ends it when it shows up. Repeat "
            "the call with the same arguments later: it looks for this pod before it rents one."
        )
        self.name = name


class PriceDiffers(RentalFailed):
    """The pod had another price than the quote, and was terminated."""

    code = "pods_price_differs"

    def __init__(self, name: str, quoted: float, price: float | None) -> None:
        told = "no price" if price is None else f"${price:.4f} per hour"
        super().__init__(
            f"The pod {name} was quoted at ${quoted:.4f} per hour and created at {told}. It was "
            "terminated at once, and the provider confirms that it is gone. Ask for a new quote."
        )
        self.quoted, self.price = quoted, price


class BootFailed(RentalFailed):
    """The pod never became ready, and was terminated. The message ends with the provider's log."""

    code = "pods_boot_failed"


class RentalEnded(RentalFailed):
    """The rental was ended by somebody else meanwhile."""

    code = "pods_rental_ended"


class RentalBusy(RentalFailed):
    """Another process is just creating or ending this pod."""

    code = "pods_rental_busy"


class NoGpusLeft(RentalFailed):
    """A stopped pod came back without its GPUs, and was terminated."""

    code = "pods_no_gpus_left"


class StillBilling(RentalFailed):
    """A pod could not be ended. It is billed until somebody ends it by hand."""

    code = "pods_still_billing"

    def __init__(self, pod_id: str, name: str, usd_per_hour: float | None, why: str) -> None:
        rate = "" if usd_per_hour is None else f" at ${usd_per_hour:.2f} per hour"
        super().__init__(
            f"STILL BILLED{rate}: the pod {pod_id} ({name}) could not be ended: {why}. Tell the "
            f"user to open {CONSOLE}, find this pod by its name and press Terminate (not Stop). "
            "The reaper keeps trying meanwhile; terminate_pods tries again at once."
        )
        self.pod_id, self.name = pod_id, name
