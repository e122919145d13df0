"""What pods will cost at most, before any is rented.

The total is price times deadline: a quote that names only the price per hour hides that a slow pod
costs more.
"""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, Field

from fumehood_tools.errors import UnknownName
from fumehood_tools.pods.api import Cloud, GpuOffer, PodOrder, Stock
from fumehood_tools.pods.rentals.model import SETUP_SECONDS, disk_usd_per_hour


class Quote(BaseModel, frozen=True):
    """The most that pods with one kind of GPU can cost."""

    gpu: str
    cloud: Cloud
    memory_gb: int = Field(description="of one GPU")
    stock: Stock
    usd_per_hour: float = Field(description="of one pod, without disks")
    total_usd: float = Field(description="of all pods with disks, until the deadline")


class Quotation(BaseModel, frozen=True):
    """The quotes for some pods. Nothing is reserved by asking for it."""

    pods: int
    gpus_per_pod: int
    deadline_s: float = Field(description="the longest that a pod exists, with its setup")
    asked: tuple[Quote, ...] = Field(description="the kinds that were asked for, in that order")
    unsold: tuple[str, ...] = Field(description="kinds asked for that are not sold now")
    alternatives: tuple[Quote, ...] = Field(description="other kinds, the cheapest total first")


def quote(
    offers: Iterable[GpuOffer],
    gpus: Sequence[str],
    *,
    order: PodOrder,
    runtime_s: float,
    setup_s: float = SETUP_SECONDS,
    pods: int = 1,
) -> Quotation:
    """Return what pods cost at most with each kind of GPU.

    offers: as the provider gave them for this number of GPUs and this cloud. order: decides the
    disks. runtime_s, setup_s: as in Wish. Raises UnknownName for a GPU that is not offered.
    """
    hours = (runtime_s + setup_s) / 3600
    known = {offer.gpu: offer for offer in offers if offer.cloud == order.cloud}
    for gpu in gpus:
        if gpu not in known:
            raise UnknownName("GPU", gpu, known, "list_gpus shows what can be rented.")
    quotes = {
        offer.gpu: Quote(
            gpu=offer.gpu,
            cloud=offer.cloud,
            memory_gb=offer.memory_gb,
            stock=offer.stock,
            usd_per_hour=price,
            total_usd=(price + disk_usd_per_hour(order)) * hours * pods,
        )
        for offer in known.values()
        if (price := offer.price_usd_per_hour) is not None
    }
    others = [one for gpu, one in quotes.items() if gpu not in gpus and one.stock != "none"]
    return Quotation(
        pods=pods,
        gpus_per_pod=order.gpu_count,
        deadline_s=runtime_s + setup_s,
        asked=tuple(quotes[gpu] for gpu in gpus if gpu in quotes),
        unsold=tuple(gpu for gpu in gpus if gpu not in quotes),
        alternatives=tuple(sorted(others, key=lambda one: (one.total_usd, one.gpu))),
    )
