"""Faults that tests order, and which the stand-in applies a given number of times.

    on          kinds
    http        429 (retry_after), 500, 502, 401, 403, 410, reset, hang (seconds), garbage,
                refusal (status, message), slow (seconds), lost_response: of any request. The same
                of create, get, list, terminate, stop, resume, offers, logs, billing, account
    create      capacity, price (factor), made_but_500, made_but_error, late (lists)
    terminate   silent (answers well and does nothing)
    resume      no_gpus, zero_gpus, price (factor)
    boot        stuck, crash, error, no_public_ip, no_sshd, no_keys, no_sftp, host_key_changes,
                sshd_delay (seconds), disk (mb), memory (mb), clock (shift, such as "-3d")

slow, lost_response, made_but_500 and made_but_error carry the request out, the other answers do
not. made_but_error is an error with status 200 in GraphQL. late: the pod is missing from the next
lists. zero_gpus: the pod starts without its GPUs.
name: a pod's name, or a pattern such as fumehood-*. interface: graphql or v2. key: account or pod.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

OPERATIONS = ("create", "get", "list", "terminate", "stop", "resume") + (
    ("offers", "logs", "billing", "account")
)
ANSWERS = ("429", "500", "502", "401", "403", "410", "reset", "hang") + (
    *("garbage", "refusal", "slow", "lost_response"),
)
KINDS: dict[str, tuple[str, ...]] = {
    "http": ANSWERS,
    **dict.fromkeys(OPERATIONS, ANSWERS),
    "create": (*ANSWERS, "capacity", "price", "made_but_500", "made_but_error", "late"),
    "terminate": (*ANSWERS, "silent"),
    "resume": (*ANSWERS, "no_gpus", "zero_gpus", "price"),
    "boot": (
        *("stuck", "crash", "error", "no_public_ip", "no_sshd", "no_keys", "no_sftp"),
        *("host_key_changes", "sshd_delay", "disk", "memory", "clock"),
    ),
}
NEEDED = {
    "refusal": "message",
    "late": "lists",
    "sshd_delay": "seconds",
    "disk": "mb",
    "memory": "mb",
    "clock": "shift",
}


class Fault(BaseModel):
    """One ordered fault; times counts down."""

    model_config = ConfigDict(extra="forbid")

    on: str
    kind: str
    times: int = 1
    name: str | None = None
    interface: Literal["graphql", "v2"] | None = None
    key: Literal["account", "pod"] | None = None
    retry_after: float = 1.0
    seconds: float = 60.0
    factor: float = 2.0
    mb: int = 0
    status: int = 400
    message: str = ""
    lists: int = 0
    shift: str = ""

    @model_validator(mode="after")
    def _known(self) -> "Fault":
        if self.kind not in KINDS.get(self.on, ()):
            raise ValueError(f"no fault {self.kind!r} on {self.on!r}; known: {KINDS}")
        more = NEEDED.get(self.kind)
        if more and more not in self.model_fields_set:
            raise ValueError(f"the fault {self.kind!r} needs {more}=")
        return self


class Circumstances(BaseModel):
    """What a fault is matched against."""

    on: tuple[str, ...]
    name: str | None = None
    interface: str | None = None
    key: str | None = None


class Faults:
    """The faults that are still to come, in the order in which they were ordered."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def order(self, **wanted: Any) -> None:
        """Add one. Raises ValueError for one that does not exist."""
        self._waiting.append(Fault(**wanted))

    def clear(self) -> None:
        """Forget all."""
        self._waiting.clear()

    def take(self, now: Circumstances, kinds: Iterable[str] | None = None) -> Fault | None:
        """Use up and return the first fault that applies. kinds: only one of these."""
        for fault in self._waiting:
            if _applies(fault, now) and (kinds is None or fault.kind in kinds):
                return self._used(fault)
        return None

    def take_all(self, now: Circumstances) -> list[Fault]:
        """Use up and return one of each kind that applies, since a boot can have several."""
        found: dict[str, Fault] = {}
        for fault in list(self._waiting):
            if _applies(fault, now) and fault.kind not in found:
                found[fault.kind] = self._used(fault)
        return list(found.values())

    def _used(self, fault: Fault) -> Fault:
        fault.times -= 1
        if fault.times <= 0:
            self._waiting.remove(fault)
        return fault


def _applies(fault: Fault, now: Circumstances) -> bool:
    return (
        fault.on in now.on
        and (fault.name is None or fnmatchcase(now.name or "", fault.name))
        and fault.interface in (None, now.interface)
        and fault.key in (None, now.key)
    )
