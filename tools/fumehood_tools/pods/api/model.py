"""What the provider of pods sells and tells: offers, orders, pods, addresses, log lines.

Money is in US dollars, prices are per hour of the whole pod. Environment values of a pod are sent
but never read back: they hold secrets, and the provider's answers repeat them.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

Cloud = Literal["secure", "community"]
Stock = Literal["high", "medium", "low", "none", "unknown"]
PodState = Literal["preparing", "running", "stopped", "failed"]
"""preparing: billed, but its container does not run yet (the image is being pulled). stopped: its
container does not run; its disk may still be billed. failed: the provider gave it up."""


class GpuOffer(BaseModel, frozen=True):
    """One kind of GPU that can be rented now or later."""

    gpu: str = Field(description="the provider's id of the kind, such as 'NVIDIA A100 80GB PCIe'")
    memory_gb: int = Field(description="memory of one GPU, in GB")
    cloud: Cloud
    price_usd_per_hour: float | None = Field(
        description="price of a pod with the asked number of GPUs; None where it is not sold"
    )
    stock: Stock = "unknown"


class PodOrder(BaseModel, frozen=True):
    """Everything that decides what is rented, but for the kind of GPU.

    name carries the unique intent of the order, because the provider has no idempotency key.
    """

    name: str
    image: str
    gpu_count: int = Field(default=1, ge=1)
    cloud: Cloud = "secure"
    disk_gb: int = Field(default=40, ge=1, description="disk of the container, lost with the pod")
    volume_gb: int = Field(default=0, ge=0, description="disk that survives a stop; 0: none")
    volume_path: str = "/workspace"
    environment: dict[str, str] = Field(default={}, repr=False)
    start_command: str | None = Field(default=None, description="None: the command of the image")
    cuda_versions: tuple[str, ...] = ()
    data_centers: tuple[str, ...] = ()


class SshAddress(BaseModel, frozen=True):
    """Where sshd of a pod answers from the internet."""

    host: str
    port: int
    user: str = "root"


class Pod(BaseModel, frozen=True):
    """A pod as the provider reports it."""

    id: str
    name: str
    state: PodState
    gpu: str | None = None
    gpu_count: int = 0
    price_usd_per_hour: float | None = None
    ssh: SshAddress | None = Field(default=None, description="None until it can be reached")
    created: datetime | None = None
    told: str = Field(default="", description="what the provider says beyond the state")


class LogLine(BaseModel, frozen=True):
    """One line that the provider logged for a pod."""

    id: str
    source: Literal["container", "system"]
    text: str


class Account(BaseModel, frozen=True):
    """The account behind the key. None: this interface does not tell."""

    id: str | None = None
    balance_usd: float | None = None
    spending_usd_per_hour: float | None = None
