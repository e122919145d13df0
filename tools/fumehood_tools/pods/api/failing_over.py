"""Which interface is used, and the change to the other one when the provider switches one off.

"auto" speaks GraphQL through the runpod SDK where that is installed, and REST v2 where it is not.
Pods have the same ids in both, so logs and bills always come from v2, which alone has them. Once
GraphQL is gone (HTTP 410), or the SDK cannot be used, every later call of the process goes to v2.
"""

import importlib.util
from collections.abc import Callable, Mapping
from typing import TypeVar

import httpx
from pydantic import SecretStr

from fumehood_tools.pods.api.answers import KEY_PAGE
from fumehood_tools.pods.api.failures import (
    InterfaceUnusable,
    KeyRefused,
    PodsFailed,
    ServiceRetired,
)
from fumehood_tools.pods.api.model import Account, Cloud, GpuOffer, LogLine, Pod, PodOrder
from fumehood_tools.pods.api.protocol import PodAPI
from fumehood_tools.pods.api.sdk import SdkPods
from fumehood_tools.pods.api.v2 import RestPods
from fumehood_tools.pods.api.wire import SECONDS
from fumehood_tools.pods.configured import KEY
from fumehood_tools.settings import Settings, load_keys
from fumehood_tools.web.service import open_client
from fumehood_tools.wings.table import RUNPOD_INTERFACE

T = TypeVar("T")


def choose_api(
    settings: Settings,
    keys: Mapping[str, SecretStr] | None = None,
    client: httpx.Client | None = None,
    seconds: float = SECONDS,
) -> PodAPI:
    """Return the interface to the provider that the settings choose. Sends nothing.

    keys: default: those of the environment. client: default: one that lives as long as the process.
    seconds: the time that one call may take. Raises KeyRefused without a key, PodsFailed offline.
    """
    if settings.offline:
        raise PodsFailed("Offline mode is on, so no pod can be rented or seen. Switch it off.")
    key = (load_keys(declared=settings.declared) if keys is None else keys).get(KEY)
    if key is None:
        raise KeyRefused(
            f"No key for RunPod is set. Create one at {KEY_PAGE} (API keys, permission to read and "
            f"write) and set {KEY}, then start again."
        )
    http = client or open_client()
    rest = RestPods(http, settings.endpoints["runpod_v2"], key, seconds)
    interface = settings.of(RUNPOD_INTERFACE)
    if interface == "v2" or (interface == "auto" and importlib.util.find_spec("runpod") is None):
        return rest
    graphql = SdkPods(http, settings.endpoints["runpod_graphql"], key, seconds)
    return graphql if interface == "graphql" else FailingOver(graphql, rest)


class FailingOver:
    """GraphQL as long as it is there, then REST v2 for good (see PodAPI)."""

    def __init__(self, first: PodAPI, second: PodAPI) -> None:
        """second: also asked for what only it has: logs and bills."""
        self._now, self._second = first, second

    @property
    def interface(self) -> str:
        """The interface that answers now."""
        return self._now.interface

    def offers(self, gpu_count: int = 1, cloud: Cloud = "secure") -> list[GpuOffer]:
        """Return the kinds of GPU. See PodAPI."""
        return self._ask(lambda api: api.offers(gpu_count, cloud))

    def create(self, order: PodOrder, gpu: str) -> Pod:
        """Rent one pod. See PodAPI. An interface that is gone has made none, so v2 is asked."""
        return self._ask(lambda api: api.create(order, gpu))

    def get(self, pod_id: str) -> Pod | None:
        """Return the pod, or None. See PodAPI."""
        return self._ask(lambda api: api.get(pod_id))

    def pods(self) -> list[Pod]:
        """Return all pods of the account. See PodAPI."""
        return self._ask(lambda api: api.pods())

    def terminate(self, pod_id: str) -> None:
        """Ask for the end of a pod. See PodAPI."""
        self._ask(lambda api: api.terminate(pod_id))

    def stop(self, pod_id: str) -> None:
        """Stop the container. See PodAPI."""
        self._ask(lambda api: api.stop(pod_id))

    def resume(self, pod_id: str, gpu_count: int) -> None:
        """Start a stopped pod. See PodAPI."""
        self._ask(lambda api: api.resume(pod_id, gpu_count))

    def logs(self, pod_id: str) -> list[LogLine]:
        """Return the log of a pod, from v2. See PodAPI."""
        return self._second.logs(pod_id)

    def billed_usd(self, pod_id: str) -> float | None:
        """Return what was billed for a pod, from v2. See PodAPI."""
        return self._second.billed_usd(pod_id)

    def account(self) -> Account:
        """Return what is known about the account. See PodAPI."""
        return self._ask(lambda api: api.account())

    def _ask(self, call: Callable[[PodAPI], T]) -> T:
        try:
            return call(self._now)
        except (ServiceRetired, InterfaceUnusable):
            if self._now is self._second:
                raise
        self._now = self._second
        return call(self._now)
