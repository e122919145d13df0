"""What is ordered, and what is on offer, whichever interface it comes through."""

from decimal import Decimal
from fractions import Fraction
from typing import Literal

from pydantic import BaseModel, Field

Cloud = Literal["SECURE", "COMMUNITY"]
DATA_CENTERS = {"US-KS-2": "US Kansas 2", "US-TX-3": "US Texas 3", "EU-RO-1": "EU Romania 1"}
CUDA_VERSIONS = ("12.4", "12.8", "13.0")
NO_CAPACITY = (
    "There are no longer any instances available with the requested specifications. Please refresh "
    "and try again."
)
NO_GPUS = "There are not enough free GPUs on the host machine to start this pod."


class Gpu(BaseModel, frozen=True):
    """A kind of GPU. Prices are US dollars per hour of one GPU; None: not sold there."""

    memory_gb: int
    secure: Decimal | None
    community: Decimal | None
    most: int = 8

    def price(self, cloud: Cloud, count: int) -> Fraction | None:
        """Return the price of a pod with so many of them, per hour."""
        one = self.secure if cloud == "SECURE" else self.community
        return None if one is None else Fraction(one) * count


GPUS = {
    "NVIDIA GeForce RTX 4090": Gpu(memory_gb=24, secure="0.69", community="0.34"),
    "NVIDIA A40": Gpu(memory_gb=48, secure="0.44", community=None),
    "NVIDIA A100 80GB PCIe": Gpu(memory_gb=80, secure="1.64", community="1.19"),
    "NVIDIA H100 80GB HBM3": Gpu(memory_gb=80, secure="2.99", community="2.69"),
}
CPU_PRICE = Fraction(12, 100)


class Order(BaseModel):
    """A pod as it was ordered; an update changes it."""

    name: str
    image: str
    gpu: str | None
    count: int = 1
    cloud: Cloud = "SECURE"
    args: str = ""
    disk_gb: int = 20
    volume_gb: int = 0
    volume_path: str = "/workspace"
    ports: list[str] = Field(default_factory=list)
    env: dict[str, str] = Field(default_factory=dict)
    data_centers: list[str] = Field(default_factory=list)
    cuda_versions: list[str] = Field(default_factory=list)
    public_ip: bool = True
    start_ssh: bool = False


class Refused(Exception):
    """The provider refuses a request, with this HTTP status where it is v2."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
