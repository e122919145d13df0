"""What a rental is: its wish, its row in the journal, and the record that a score's receipt has.

Money is in US dollars, times are ISO 8601 in UTC, durations are in seconds.
"""

from typing import Literal, NamedTuple

from pydantic import BaseModel, Field

from fumehood_tools.files import digest_of
from fumehood_tools.pods.api import Cloud, PodOrder

State = Literal[
    "intent",
    "created",
    "booting",
    "ready",
    "busy",
    "idle",
    "terminating",
    "verified_gone",
    "lost",
    "orphan",
]
"""intent: the create request may be under way. lost: the provider says that it is gone, and we did
not end it. orphan: the provider has it, it has our name, and the journal had no row of it."""

ENDED: tuple[State, ...] = ("verified_gone", "lost")
UP: tuple[State, ...] = ("ready", "busy", "idle")

SETUP_SECONDS = 1200.0
"""Default limit from the create request until the pod is ready. Large images take 15 minutes."""
LEASE_SECONDS = 600.0
"""A pod on which no job runs ends itself when it has not heard from us for so long."""
HOURS_PER_MONTH = 730.0
CENT, BILL_LAG = 0.01, 0.05
"""A bill that is lower by more than this than what was measured is not complete yet."""
DISK_USD_PER_GB_MONTH = 0.10
"""The price of disks of running pods. Stopped ones cost twice as much: we do not leave any."""


class Caps(BaseModel, frozen=True):
    """The most that may be spent, in US dollars. None: no cap."""

    job_usd: float | None = Field(default=None, ge=0)
    study_usd: float | None = Field(default=None, ge=0)
    day_usd: float | None = Field(default=None, ge=0)


class Life(NamedTuple):
    """The limits for the watchdog in a pod, in seconds since it began to watch."""

    lease_s: float
    max_s: float


class Wish(BaseModel, frozen=True):
    """A pod that a job needs.

    place: names what the pod is for, such as "run 3f2a pod 0". At most one pod that is not ended
    has a place, so a restarted job that asks for the same place gets the pod that is there.
    """

    place: str = Field(min_length=1)
    job: str | None = Field(default=None, description="the pod is ended when this job is over")
    study: str | None = None
    order: PodOrder = Field(description="its name is replaced")
    gpus: tuple[str, ...] = Field(min_length=1, description="in the order of preference")
    runtime_s: float = Field(gt=0, description="the longest that the job may take on a ready pod")
    setup_s: float = Field(default=SETUP_SECONDS, gt=0)
    caps: Caps = Caps()

    @property
    def life_s(self) -> float:
        """The longest that the pod may exist, in seconds since the create request."""
        return self.setup_s + self.runtime_s

    @property
    def watchdog(self) -> Life:
        """The limits for the watchdog in the start command, which first runs after the boot.

        So the pod ends within what was reserved, even if nobody looks after it.
        """
        return Life(LEASE_SECONDS, self.runtime_s)

    def digest(self) -> str:
        """Return the digest of what decides the pod, without names, and values of variables."""
        order = self.order.model_dump(mode="json", exclude={"name", "environment"})
        return digest_of([order, sorted(self.order.environment)])


def disk_usd_per_hour(order: PodOrder) -> float:
    """Return what the disks of a running pod cost per hour."""
    return (order.disk_gb + order.volume_gb) * DISK_USD_PER_GB_MONTH / HOURS_PER_MONTH


class Proof(BaseModel, frozen=True):
    """The evidence that a pod has ended."""

    time: str
    interface: str = Field(description="the interface of the provider that answered")
    answer: str


class Step(BaseModel, frozen=True):
    """One transition of a rental. Steps are only ever added."""

    state: State
    time: str
    told: str


class Rental(BaseModel, frozen=True):
    """The row of one rental in the journal."""

    intent: str
    name: str
    state: State
    job: str | None
    place: str | None
    study: str | None
    order_digest: str
    gpu: str | None
    gpu_count: int
    cloud: Cloud | None
    quoted_usd_per_hour: float | None
    price_usd_per_hour: float | None
    disk_usd_per_hour: float
    runtime_s: float
    setup_s: float
    reserved_usd: float
    asks: int = Field(description="how often the provider was asked to create it")
    asked_epoch: float | None = Field(description="wall-clock time of the first create request")
    asked_ticks: float | None
    boot: str | None
    seconds: float = Field(description="its age when it was last looked at")
    pod_id: str | None
    written: str
    created: str | None = Field(description="time of the first create request")
    ended: str | None
    ended_epoch: float | None
    measured_usd: float
    billed_usd: float | None
    stopped: bool = Field(
        default=False, description="the provider stopped it once, so it was billed for less"
    )
    why: str = Field(description="why it was ended")
    proof: Proof | None

    @property
    def is_ended(self) -> bool:
        """Whether it is billed no more."""
        return self.state in ENDED

    @property
    def life_s(self) -> float:
        """The longest that it may exist, in seconds since the create request."""
        return self.setup_s + self.runtime_s

    @property
    def usd_per_hour(self) -> float:
        """What it costs per hour with its disks; as quoted until the price is known."""
        known = self.price_usd_per_hour
        price = self.quoted_usd_per_hour if known is None else known
        return (price or 0.0) + self.disk_usd_per_hour

    @property
    def cost_usd(self) -> float:
        """What the provider billed; what was measured while its bill is not there or is behind."""
        if self.billed_usd is None:
            return self.measured_usd
        missing = self.measured_usd - self.billed_usd
        # Of a pod that vanished or was stopped, only the provider knows when.
        is_known = self.state != "lost" and not self.stopped
        is_behind = is_known and missing > max(CENT, BILL_LAG * self.measured_usd)
        return self.measured_usd if is_behind else self.billed_usd

    def usd_for(self, seconds: float) -> float:
        """Return what it costs to exist for so long."""
        return self.usd_per_hour * seconds / 3600


class RentalRecord(BaseModel, frozen=True):
    """A rental that has ended, for the receipts of what was made on it."""

    intent: str
    pod_name: str
    pod_id: str
    gpu: str | None = Field(description="the provider's id of the kind of GPU")
    gpu_count: int
    cloud: Cloud | None
    quoted_usd_per_hour: float | None = Field(description="of the whole pod, without disks")
    price_usd_per_hour: float | None = Field(description="as the created pod had it")
    reserved_usd: float = Field(description="reserved before it was created: the most it may cost")
    cost_usd: float = Field(
        description="billed_usd, or measured_usd while the bill is not complete"
    )
    measured_usd: float = Field(description="by our clock, from the create request to the proof")
    billed_usd: float | None = Field(description="what the provider billed; null: it does not say")
    created: str = Field(description="time of the create request, ISO 8601, UTC")
    ended: str = Field(description="time of the proof, ISO 8601, UTC")
    seconds: float = Field(description="from the create request to the proof")
    why: str = Field(description="why it was ended")
    proof: Proof
