"""The bodies that REST v2 accepts. A field that it does not know is refused, as by the provider."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fakes.runpod.orders import Cloud, Order, Refused

Version = Annotated[str, Field(pattern=r"^\d+\.\d+$")]


class Body(BaseModel):
    """A body without unknown fields and without conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)


class GpuRequest(Body):
    id: str
    count: int = Field(default=1, ge=1)
    allowedCudaVersions: list[Version] = []
    minCudaVersion: Version | None = None


class CpuRequest(Body):
    id: str = Field(min_length=1)
    vcpuCount: int = Field(ge=2)


class PersistentMount(Body):
    size: int = Field(ge=10)
    path: str


class NetworkMount(Body):
    volumeId: str
    path: str


class Mounts(Body):
    persistent: PersistentMount | None = None
    network: list[NetworkMount] | None = Field(default=None, max_length=1)


class Container(Body):
    image: str | None = None
    args: str | None = None
    disk: int | None = Field(default=None, ge=1)
    ports: list[str] | None = None
    env: dict[str, str] | None = None
    registry: str | None = None
    mounts: Mounts | None = None
    globalNetworking: bool | None = None
    templateId: str | None = Field(default=None, min_length=1)


class CreatePod(Container):
    name: str = Field(min_length=1)
    cloud: Cloud = "SECURE"
    gpu: GpuRequest | None = None
    cpu: CpuRequest | None = None
    dataCenterIds: list[str] = []
    startJupyter: bool = False
    startSsh: bool = False


class UpdatePod(Container):
    name: str | None = Field(default=None, min_length=1)
    locked: bool | None = None


class PodAction(Body):
    action: Literal["start", "stop", "restart", "terminate"]


class SshKeys(Body):
    keys: list[str]


Sent = TypeVar("Sent", bound=Body)


class Unprocessable(Exception):
    """A body breaks the contract; errors has one sentence per violation."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("Request validation failed.")
        self.errors = errors


def read(kind: type[Sent], sent: Any) -> Sent:
    """Return a body. Raises Unprocessable."""
    try:
        return kind.model_validate(sent)
    except ValidationError as error:
        raise Unprocessable([_told(one) for one in error.errors()]) from error


def order_of(body: CreatePod) -> Order:
    """Return the order in a body. Raises Refused where fields contradict each other."""
    mounts = body.mounts or Mounts()
    if body.templateId is not None:
        raise Refused(404, "template not found")
    if body.image is None:
        raise Unprocessable(["$: missing property 'image'"])
    if (body.gpu is None) == (body.cpu is None):
        raise Refused(400, "exactly one of gpu or cpu must be set")
    if mounts.persistent and mounts.network:
        raise Refused(400, "mounts.persistent and mounts.network are mutually exclusive")
    if mounts.network:
        raise Refused(400, "network volume not found")
    if mounts.persistent and body.cpu:
        raise Refused(400, "mounts.persistent is not supported on CPU pods")
    gpu = body.gpu
    if gpu and gpu.allowedCudaVersions and gpu.minCudaVersion:
        raise Refused(400, "allowedCudaVersions and minCudaVersion are mutually exclusive")
    return Order(
        name=body.name,
        image=body.image,
        gpu=gpu.id if gpu else None,
        count=gpu.count if gpu else 1,
        cloud=body.cloud,
        args=body.args or "",
        disk_gb=body.disk or 20,
        volume_gb=mounts.persistent.size if mounts.persistent else 0,
        volume_path=mounts.persistent.path if mounts.persistent else "/workspace",
        ports=body.ports or [],
        env=dict(body.env or {}),
        data_centers=body.dataCenterIds,
        cuda_versions=gpu.allowedCudaVersions if gpu else [],
        start_ssh=body.startSsh,
    )


def changed(order: Order, body: UpdatePod) -> Order:
    """Return an order with what an update changes. Raises Refused."""
    mount = body.mounts.persistent if body.mounts else None
    if mount and not order.volume_gb:
        raise Refused(400, "a mount cannot be added to a pod that was created without one")
    fields = {
        "name": body.name,
        "image": body.image,
        "args": body.args,
        "disk_gb": body.disk,
        "ports": body.ports,
        "env": body.env,
        "volume_gb": mount.size if mount else None,
        "volume_path": mount.path if mount else None,
    }
    return order.model_copy(update={k: v for k, v in fields.items() if v is not None})


def _told(error: Any) -> str:
    *path, last = error["loc"] or ("",)
    if error["type"] == "extra_forbidden":
        where = ".".join(["$", *map(str, path)])
        return f"{where}: additional properties '{last}' not allowed"
    where = ".".join(["$", *map(str, (*path, last))])
    return f"{where}: {error['msg']}"
