"""The provider's REST interface v2, over HTTP (https://docs.runpod.io/api-reference-v2).

It says what a pod was billed and has its logs, but not the balance of the account. Without `ports`
a pod has no ssh, and without `mounts` it has no disk that survives a stop, so both are always sent
where an order asks for them. An unknown field is refused. Never speaks REST v1.
"""

from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

from fumehood_tools.deadlines import Deadline
from fumehood_tools.pods.api.answers import check_gpu, check_pod_id, parsed
from fumehood_tools.pods.api.failures import NoSuchPod, OrderRefused
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
from fumehood_tools.pods.api.v2_logs import QUIET, read_logs
from fumehood_tools.pods.api.wire import SECONDS, Reply, Wire, once, repeated

_STATES: dict[str, PodState] = {
    "PROVISIONING": "preparing",
    "STARTING": "preparing",
    "RUNNING": "running",
    "EXITED": "stopped",
    "ERROR": "failed",
}
_STOCKS: dict[str, Stock] = {"HIGH": "high", "MEDIUM": "medium", "LOW": "low", "NONE": "none"}
_BILLED_MONTHS = 12


class _Raw(BaseModel):
    """A part of an answer. Fields that are not declared, such as env, are never kept."""

    model_config = ConfigDict(alias_generator=to_camel, hide_input_in_errors=True)


class _Gpu(_Raw):
    id: str
    count: int = 1


class _Direct(_Raw):
    host: str
    port: int
    username: str = "root"


class _Ssh(_Raw):
    direct: _Direct | None = None


class _Pod(_Raw):
    id: str
    name: str = ""
    status: str = ""
    gpu: _Gpu | None = None
    cost: float | None = None
    ssh: _Ssh | None = None
    created_at: datetime | None = None


class _Pods(_Raw):
    pods: list[_Pod]


class _PerCloud(_Raw):
    secure: float | None = None
    community: float | None = None


class _Offer(_Raw):
    id: str
    memory: int = 0
    secure: bool = False
    community: bool = False
    price: _PerCloud = _PerCloud()
    max_count: _PerCloud = _PerCloud()
    availability: str | None = None


class _Offers(_Raw):
    gpus: list[_Offer]


class _Bill(_Raw):
    total_amount: float


class _Bills(_Raw):
    records: list[_Bill]


class RestPods:
    """The adapter to REST v2 (see PodAPI). url: its address, with /v2 and without a slash after it.

    quiet_seconds: how long a log must be silent to count as read to its end.
    """

    interface = "v2"

    def __init__(
        self,
        client: httpx.Client,
        url: str,
        key: SecretStr,
        seconds: float = SECONDS,
        quiet_seconds: float = QUIET,
    ) -> None:
        self._wire, self._url, self._seconds = Wire(client, key), url.rstrip("/"), seconds
        self._quiet = quiet_seconds

    def offers(self, gpu_count: int = 1, cloud: Cloud = "secure") -> list[GpuOffer]:
        """Return the kinds of GPU. See PodAPI."""
        wanted = {"include": "AVAILABILITY", "product": "POD", "cloud": cloud.upper()}
        found = self._read("/catalog/gpus", params={**wanted, "count": gpu_count})
        return [_offer(one, gpu_count, cloud) for one in parsed(_Offers, found.content).gpus]

    def create(self, order: PodOrder, gpu: str) -> Pod:
        """Rent one pod. See PodAPI."""
        body = _body(order, check_gpu(gpu))
        hidden = tuple(order.environment.values())
        made = self._change("/pods", (201, 404), json=body, hidden=hidden)
        if made.status == 404:
            raise OrderRefused("RunPod knows nothing of the kind that was ordered (HTTP 404).")
        raw = parsed(_Pod, made.content, changes=True)
        return _pod(raw) or Pod(id=raw.id, name=order.name, state="failed", told="terminated")

    def get(self, pod_id: str) -> Pod | None:
        """Return the pod, or None. See PodAPI."""
        found = self._read(_path(pod_id), (200, 404))
        return None if found.status == 404 else _pod(parsed(_Pod, found.content))

    def pods(self) -> list[Pod]:
        """Return all pods of the account. See PodAPI."""
        found = parsed(_Pods, self._read("/pods").content).pods
        return [pod for pod in map(_pod, found) if pod is not None]

    def terminate(self, pod_id: str) -> None:
        """Ask for the end of a pod. See PodAPI."""
        url = self._url + _path(pod_id)

        def ask(deadline: Deadline) -> Reply:
            allowed = (200, 202, 204, 404)
            return self._wire.ask("DELETE", url, deadline, changes=True, allowed=allowed)

        repeated(ask, self._seconds)

    def stop(self, pod_id: str) -> None:
        """Stop the container. See PodAPI."""
        self._change(f"{_path(pod_id)}/action", json={"action": "stop"})

    def resume(self, pod_id: str, gpu_count: int) -> None:
        """Start a stopped pod, with the GPUs that it had. See PodAPI."""
        self._change(f"{_path(pod_id)}/action", json={"action": "start"})

    def logs(self, pod_id: str) -> list[LogLine]:
        """Return the newest 5,000 lines of the log; [] if the pod is gone. See PodAPI.

        The provider never ends a log, so this takes some seconds more than its transfer.
        """
        url = f"{self._url}{_path(pod_id)}/logs"
        try:
            return repeated(
                lambda deadline: read_logs(self._wire, url, deadline, self._quiet), self._seconds
            )
        except NoSuchPod:
            return []

    def billed_usd(self, pod_id: str) -> float | None:
        """Return what was billed within a year; None while no bill is there. See PodAPI."""
        wanted = {"podId": check_pod_id(pod_id), "bucketSize": "month", "lastN": _BILLED_MONTHS}
        bills = parsed(_Bills, self._read("/billing/pods", params=wanted).content).records
        return sum(bill.total_amount for bill in bills) if bills else None

    def account(self) -> Account:
        """Return an account without figures: v2 does not tell. Asks nothing."""
        return Account()

    def _read(self, path: str, allowed: tuple[int, ...] = (200,), **request: Any) -> Reply:
        def ask(deadline: Deadline) -> Reply:
            return self._wire.ask(
                "GET", self._url + path, deadline, changes=False, allowed=allowed, **request
            )

        return repeated(ask, self._seconds)

    def _change(self, path: str, allowed: tuple[int, ...] = (200,), **request: Any) -> Reply:
        def ask(deadline: Deadline) -> Reply:
            return self._wire.ask(
                "POST", self._url + path, deadline, changes=True, allowed=allowed, **request
            )

        return once(ask, self._seconds)


def _path(pod_id: str) -> str:
    return f"/pods/{quote(check_pod_id(pod_id), safe='')}"


def _body(order: PodOrder, gpu: str) -> dict[str, Any]:
    wanted: dict[str, Any] = {"id": gpu, "count": order.gpu_count}
    if order.cuda_versions:
        wanted["allowedCudaVersions"] = list(order.cuda_versions)
    body: dict[str, Any] = {
        "name": order.name,
        "image": order.image,
        "cloud": order.cloud.upper(),
        "gpu": wanted,
        "disk": order.disk_gb,
        "ports": ["22/tcp"],
        "env": order.environment,
        "startSsh": True,
    }
    if order.volume_gb:
        body["mounts"] = {"persistent": {"size": order.volume_gb, "path": order.volume_path}}
    if order.start_command is not None:
        body["args"] = order.start_command
    if order.data_centers:
        body["dataCenterIds"] = list(order.data_centers)
    return body


def _pod(raw: _Pod) -> Pod | None:
    status = raw.status.upper()
    if status == "TERMINATED":
        return None
    direct = raw.ssh.direct if raw.ssh else None
    return Pod(
        id=raw.id,
        name=raw.name,
        state=_STATES.get(status, "preparing"),
        gpu=raw.gpu.id if raw.gpu else None,
        gpu_count=raw.gpu.count if raw.gpu else 0,
        price_usd_per_hour=raw.cost,
        ssh=SshAddress(host=direct.host, port=direct.port, user=direct.username)
        if direct
        else None,
        created=raw.created_at,
        told=f"status {status or 'not told'}",
    )


def _offer(raw: _Offer, gpu_count: int, cloud: Cloud) -> GpuOffer:
    secure = cloud == "secure"
    price = raw.price.secure if secure else raw.price.community
    most = raw.max_count.secure if secure else raw.max_count.community
    sold = raw.secure if secure else raw.community
    fits = bool(sold and price and (most is None or gpu_count <= most))
    stock = _STOCKS.get((raw.availability or "").upper(), "unknown")
    return GpuOffer(
        gpu=raw.id,
        memory_gb=raw.memory,
        cloud=cloud,
        price_usd_per_hour=price * gpu_count if fits and price else None,
        stock=stock if fits else "none",
    )
