"""From what a job wants to the wishes for its pods."""

from fumehood_tools.pods.agent import start_command
from fumehood_tools.pods.api.model import PodOrder
from fumehood_tools.pods.rentals import Wish, caps_of
from fumehood_tools.pods.rentals.model import LEASE_SECONDS
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.settings import Settings
from fumehood_tools.wings.table import POD_IMAGE


def order_for(wanted: PodsWanted, settings: Settings, public_key: str) -> PodOrder:
    """Return the order of each of the pods. public_key: the line with which we log in."""
    return PodOrder(
        name="",
        image=settings.of(POD_IMAGE),
        cloud=wanted.cloud,
        disk_gb=wanted.disk_gb,
        environment={"PUBLIC_KEY": public_key},
        start_command=start_command(
            ttl_s=LEASE_SECONDS,
            max_life_s=wanted.runtime_s,
            v2=settings.endpoints["runpod_v2"],
            graphql=settings.endpoints["runpod_graphql"],
        ),
    )


def wishes(
    wanted: PodsWanted, settings: Settings, public_key: str, *, purpose: str, job: str | None
) -> list[Wish]:
    """Return one wish per pod. purpose: the same after a restart, so that pods are found again."""
    order = order_for(wanted, settings, public_key)
    caps = caps_of(settings, wanted.max_cost_usd, wanted.study_usd)
    return [
        Wish(
            place=f"{purpose} pod {number}",
            job=job,
            study=wanted.study,
            order=order,
            gpus=wanted.gpus,
            runtime_s=wanted.runtime_s,
            caps=caps,
        )
        for number in range(wanted.count)
    ]
