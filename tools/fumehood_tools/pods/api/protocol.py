"""The interface that every adapter to a provider implements in full."""

from typing import Protocol

from fumehood_tools.pods.api.model import Account, Cloud, GpuOffer, LogLine, Pod, PodOrder


class PodAPI(Protocol):
    """Requests to the provider of pods. Safe to share between threads.

    Every method blocks for a bounded time and raises only PodsFailed and its subclasses. Reads and
    `terminate` are repeated by the adapter after ProviderBusy and lost answers, within that time.
    `create`, `stop` and `resume` are sent once: after AnswerLost the caller looks first, because
    the pod may exist. After ProviderBusy nothing was done.
    """

    @property
    def interface(self) -> str:
        """Which interface answers, for messages and receipts: "graphql" or "v2"."""
        ...

    def offers(self, gpu_count: int = 1, cloud: Cloud = "secure") -> list[GpuOffer]:
        """Return the kinds of GPU, with the price of a pod that has gpu_count of them."""
        ...

    def create(self, order: PodOrder, gpu: str) -> Pod:
        """Rent one pod. Billing begins with this request, not when the pod runs."""
        ...

    def get(self, pod_id: str) -> Pod | None:
        """Return the pod, or None if the provider says that it does not exist."""
        ...

    def pods(self) -> list[Pod]:
        """Return all pods of the account, also those that we did not rent."""
        ...

    def terminate(self, pod_id: str) -> None:
        """Ask for the end of a pod. A pod that is gone already is no error.

        The answer proves nothing: a pod has ended when `get` returns None.
        """
        ...

    def stop(self, pod_id: str) -> None:
        """Stop the container and keep the volume, which is still billed."""
        ...

    def resume(self, pod_id: str, gpu_count: int) -> None:
        """Start a stopped pod. Raises NoCapacity if its machine has no free GPU."""
        ...

    def logs(self, pod_id: str) -> list[LogLine]:
        """Return the provider's log of a pod so far, [] where this interface has none."""
        ...

    def billed_usd(self, pod_id: str) -> float | None:
        """Return what the provider has billed for a pod, None where this interface cannot say."""
        ...

    def account(self) -> Account:
        """Return what is known about the account."""
        ...
