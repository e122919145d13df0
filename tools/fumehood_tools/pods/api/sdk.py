"""The provider's GraphQL interface, through the runpod SDK 1.12.

The SDK puts values into its queries unescaped, so every text is escaped here first. It cannot say
what a pod was billed and has no logs. A created pod comes back without a price: `get` has it.
Imports the SDK with the first request (`sdk_guard`). CPU pods are refused.
"""

import contextlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

from fumehood_tools.deadlines import Deadline
from fumehood_tools.pods.api.answers import broken, check_gpu, check_pod_id, parsed
from fumehood_tools.pods.api.failures import NoCapacity, NoSuchPod, OrderRefused
from fumehood_tools.pods.api.model import (
    Account,
    Cloud,
    GpuOffer,
    LogLine,
    Pod,
    PodOrder,
    PodState,
    SshAddress,
    Stock,
)
from fumehood_tools.pods.api.sdk_guard import Call, with_sdk
from fumehood_tools.pods.api.wire import SECONDS, Wire, once, repeated

_OFFERS = """query {{ gpuTypes {{
  id memoryInGb maxGpuCount secureCloud communityCloud securePrice communityPrice
  lowestPrice(input: {{ gpuCount: {count}, secureCloud: {secure} }}) {{ stockStatus }}
}} }}"""
_ACCOUNT = "query { myself { id clientBalance currentSpendPerHr } }"
_STATES: dict[str, PodState] = {
    "CREATED": "preparing",
    "RESTARTING": "preparing",
    "EXITED": "stopped",
    "PAUSED": "stopped",
    "DEAD": "failed",
}
_STOCKS: dict[str, Stock] = {"high": "high", "medium": "medium", "low": "low", "none": "none"}
T = TypeVar("T")


class _Raw(BaseModel):
    """A part of an answer. Fields that are not declared, such as env, are never kept."""

    model_config = ConfigDict(alias_generator=to_camel, hide_input_in_errors=True)


class _Port(_Raw):
    ip: str | None = None
    is_ip_public: bool | None = None
    private_port: int | None = None
    public_port: int | None = None
    type: str | None = None


class _Runtime(_Raw):
    ports: list[_Port] | None = None


class _Machine(_Raw):
    gpu_display_name: str | None = None


class _Pod(_Raw):
    id: str
    name: str | None = None
    desired_status: str | None = None
    cost_per_hr: float | None = None
    gpu_count: int | None = None
    last_status_change: str | None = None
    runtime: _Runtime | None = None
    machine: _Machine | None = None


class _LowestPrice(_Raw):
    stock_status: str | None = None


class _Gpu(_Raw):
    id: str
    memory_in_gb: int | None = None
    max_gpu_count: int | None = None
    secure_cloud: bool | None = None
    community_cloud: bool | None = None
    secure_price: float | None = None
    community_price: float | None = None
    lowest_price: _LowestPrice | None = None


class _Account(_Raw):
    id: str | None = None
    client_balance: float | None = None
    current_spend_per_hr: float | None = None


class SdkPods:
    """The adapter to GraphQL (see PodAPI). url: the address of its endpoint."""

    interface = "graphql"

    def __init__(
        self, client: httpx.Client, url: str, key: SecretStr, seconds: float = SECONDS
    ) -> None:
        self._wire, self._url, self._seconds = Wire(client, key), url, seconds

    def offers(self, gpu_count: int = 1, cloud: Cloud = "secure") -> list[GpuOffer]:
        """Return the kinds of GPU. See PodAPI."""
        query = _OFFERS.format(count=int(gpu_count), secure=str(cloud == "secure").lower())
        found = self._read(lambda sdk: _run(sdk, query)["gpuTypes"])
        return [_offer(parsed(_Gpu, one), gpu_count, cloud) for one in found or []]

    def create(self, order: PodOrder, gpu: str) -> Pod:
        """Rent one pod. See PodAPI. Data centers are tried one after the other."""
        check_gpu(gpu)
        return once(lambda deadline: self._create(order, gpu, deadline), self._seconds)

    def get(self, pod_id: str) -> Pod | None:
        """Return the pod, or None. See PodAPI."""
        escaped = check_pod_id(pod_id)
        try:
            found = self._read(lambda sdk: sdk.get_pod(escaped))
        except NoSuchPod:
            return None
        return None if found is None else _pod(parsed(_Pod, found))

    def pods(self) -> list[Pod]:
        """Return all pods of the account. See PodAPI."""
        found = self._read(lambda sdk: sdk.get_pods())
        there = [_pod(parsed(_Pod, one)) for one in found or []]
        return [pod for pod in there if pod is not None]

    def terminate(self, pod_id: str) -> None:
        """Ask for the end of a pod. See PodAPI."""
        escaped = check_pod_id(pod_id)
        try:
            self._read(lambda sdk: sdk.terminate_pod(escaped))
        except NoSuchPod:
            return

    def stop(self, pod_id: str) -> None:
        """Stop the container. See PodAPI."""
        escaped = check_pod_id(pod_id)
        self._change(lambda sdk: sdk.stop_pod(escaped))

    def resume(self, pod_id: str, gpu_count: int) -> None:
        """Start a stopped pod. See PodAPI."""
        escaped, count = check_pod_id(pod_id), int(gpu_count)
        self._change(lambda sdk: sdk.resume_pod(escaped, count))

    def logs(self, pod_id: str) -> list[LogLine]:
        """Return []: GraphQL has no logs."""
        check_pod_id(pod_id)
        return []

    def billed_usd(self, pod_id: str) -> float | None:
        """Return None: GraphQL does not say what one pod was billed."""
        check_pod_id(pod_id)
        return None

    def account(self) -> Account:
        """Return the balance and the spending. See PodAPI."""
        raw = parsed(_Account, self._read(lambda sdk: _run(sdk, _ACCOUNT)["myself"]))
        return Account(
            id=raw.id,
            balance_usd=raw.client_balance,
            spending_usd_per_hour=raw.current_spend_per_hr,
        )

    def _create(self, order: PodOrder, gpu: str, deadline: Deadline) -> Pod:
        *others, last = order.data_centers or (None,)
        for center in others:
            # A refusal for want of a machine has made no pod, so the next center may be asked.
            with contextlib.suppress(NoCapacity):
                return self._create_in(center, order, gpu, deadline)
        return self._create_in(last, order, gpu, deadline)

    def _create_in(self, center: str | None, order: PodOrder, gpu: str, deadline: Deadline) -> Pod:
        arguments = _arguments(order, gpu, center)
        hidden = tuple(order.environment.values())
        made = self._with(deadline, lambda sdk: _created(sdk, arguments), True, hidden)
        if made is None:
            raise OrderRefused(f"RunPod has no kind of GPU called {gpu!r}. Choose an offer.")
        raw = parsed(_Pod, made, changes=True)
        return Pod(
            id=raw.id, name=order.name, state="preparing", gpu=gpu, gpu_count=order.gpu_count
        )

    def _read(self, ask: Callable[[Any], T]) -> T:
        return repeated(lambda deadline: self._with(deadline, ask), self._seconds)

    def _change(self, ask: Callable[[Any], T]) -> T:
        return once(lambda deadline: self._with(deadline, ask, True), self._seconds)

    def _with(
        self,
        deadline: Deadline,
        ask: Callable[[Any], T],
        changes: bool = False,
        hidden: tuple[str, ...] = (),
    ) -> T:
        try:
            return with_sdk(Call(self._wire, self._url, deadline, hidden), ask)
        except (KeyError, TypeError, IndexError):
            # An answer without what the SDK takes from each. Reported below and not here, so that
            # the failure is not chained to an exception that holds the answer.
            pass
        raise broken("an answer of another form", changes=changes)


def _created(sdk: Any, arguments: dict[str, Any]) -> Any:
    """Return the answer to create_pod; None if the kind of GPU does not exist."""
    try:
        return sdk.create_pod(**arguments)
    except ValueError:
        return None


def _arguments(order: PodOrder, gpu: str, center: str | None) -> dict[str, Any]:
    command, versions = order.start_command, order.cuda_versions
    environment = {_escaped(name): _escaped(value) for name, value in order.environment.items()}
    return {
        "name": _escaped(order.name),
        "image_name": _escaped(order.image),
        "gpu_type_id": _escaped(gpu),
        "gpu_count": order.gpu_count,
        "cloud_type": order.cloud.upper(),
        "data_center_id": None if center is None else _escaped(center),
        "container_disk_in_gb": order.disk_gb,
        "volume_in_gb": order.volume_gb,
        "volume_mount_path": _escaped(order.volume_path),
        "ports": "22/tcp",
        "env": environment or None,
        # "" replaces the start command of the image, so that its sshd never starts.
        "docker_args": None if command is None else _escaped(command),
        "allowed_cuda_versions": [_escaped(version) for version in versions] or None,
    }


def _escaped(text: str) -> str:
    """Return the text as it stands inside a GraphQL string."""
    return json.dumps(text)[1:-1]


def _run(sdk: Any, query: str) -> Any:
    from runpod.api import graphql

    return graphql.run_graphql_query(query)["data"]


def _pod(raw: _Pod) -> Pod | None:
    status = (raw.desired_status or "").upper()
    if status == "TERMINATED":
        return None
    # RUNNING is what the provider intends: without a runtime, the image is still being pulled.
    running: PodState = "running" if raw.runtime else "preparing"
    state = running if status == "RUNNING" else _STATES.get(status, "preparing")
    told = raw.last_status_change or ""
    if status != "RUNNING" and status not in _STATES:
        told = f"status {status or 'not told'}. {told}".strip()
    return Pod(
        id=raw.id,
        name=raw.name or "",
        state=state,
        gpu=raw.machine.gpu_display_name if raw.machine else None,
        gpu_count=raw.gpu_count or 0,
        price_usd_per_hour=raw.cost_per_hr,
        ssh=_ssh(raw) if state == "running" else None,
        told=told,
    )


def _ssh(raw: _Pod) -> SshAddress | None:
    for port in (raw.runtime.ports if raw.runtime else None) or []:
        if port.is_ip_public and port.private_port == 22 and port.ip and port.public_port:
            return SshAddress(host=port.ip, port=port.public_port)
    return None


def _offer(raw: _Gpu, gpu_count: int, cloud: Cloud) -> GpuOffer:
    secure = cloud == "secure"
    price = raw.secure_price if secure else raw.community_price
    sold = (raw.secure_cloud if secure else raw.community_cloud) is not False and price
    fits = raw.max_gpu_count is None or gpu_count <= raw.max_gpu_count
    # A lowest price without a stock means that no machine can be had with these wishes.
    told = (raw.lowest_price.stock_status or "none") if raw.lowest_price else ""
    return GpuOffer(
        gpu=raw.id,
        memory_gb=raw.memory_in_gb or 0,
        cloud=cloud,
        price_usd_per_hour=price * gpu_count if price and sold and fits else None,
        stock=_STOCKS.get(told.lower(), "unknown") if sold and fits else "none",
    )
