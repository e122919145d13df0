"""The provider: its stock, its pods, its account, its faults. Both interfaces act on this."""

import asyncio
import secrets
import socket
from collections import deque
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel

from fakes.runpod import memory
from fakes.runpod.clock import Clock
from fakes.runpod.faults import ANSWERS, Circumstances, Fault, Faults
from fakes.runpod.orders import (
    CPU_PRICE,
    CUDA_VERSIONS,
    DATA_CENTERS,
    GPUS,
    NO_CAPACITY,
    NO_GPUS,
    Gpu,
    Order,
    Refused,
)
from fakes.runpod.pod import Pod, Surroundings

# Below the ports that the kernel gives to outgoing connections.
PORTS = (20_000, 30_000)


class Setup(BaseModel, frozen=True):
    """How a stand-in begins. per_minute: requests allowed per minute (None: never refused)."""

    boot_seconds: float = 0.0
    capacity: int = 8
    gpus: dict[str, Gpu] = GPUS
    clock_pace: float = 1.0
    bills_disks: bool = True
    balance_usd: float = 100.0
    per_minute: int | None = None


class Asked(NamedTuple):
    """One request that the service received."""

    method: str
    operation: str


class Ended(NamedTuple):
    """A pod that is gone, and who did it."""

    pod: Pod
    how: Literal["terminated", "vanished"]
    by: Literal["account", "pod", "test"]


class Caller(NamedTuple):
    """Whose key came with a request. pod: the pod to which the key is limited."""

    pod: Pod | None = None

    @property
    def kind(self) -> Literal["account", "pod"]:
        return "pod" if self.pod else "account"


class Cloud:
    """Everything the stand-in knows. Only used in the thread of its event loop."""

    def __init__(self, folder: Path, setup: Setup) -> None:
        self.setup, self.folder = setup, folder
        self.url = ""
        self.key = f"rpa_{secrets.token_hex(20).upper()}"
        self.clock = Clock(setup.clock_pace)
        self.faults = Faults()
        self.pods: dict[str, Pod] = {}
        self.ended: dict[str, Ended] = {}
        self.requests: deque[Asked] = deque(maxlen=100_000)
        self.ssh_keys: list[str] = []
        self.key_is_valid = True
        self.capacity, self.stock = setup.capacity, dict[str, int]()
        self._ports: set[int] = set()

    def caller(self, key: str) -> Caller | None:
        """Return whose key this is, None if it is nobody's."""
        if key == self.key and self.key_is_valid:
            return Caller()
        return next((Caller(pod) for pod in self.pods.values() if pod.key == key), None)

    def free(self, gpu: str | None) -> int:
        """Return how many more pods with this kind of GPU can be rented."""
        rented = [pod for pod in self.pods.values() if pod.is_rented]
        left = self.capacity - len(rented)
        if gpu in self.stock:
            left = min(left, self.stock[gpu] - sum(pod.order.gpu == gpu for pod in rented))
        return max(0, left)

    def price(self, order: Order) -> Fraction:
        """Return the quoted price of a pod per hour. Raises Refused if it is not sold."""
        if order.gpu is None:
            return CPU_PRICE
        kind = self.setup.gpus.get(order.gpu)
        price = kind.price(order.cloud, order.count) if kind else None
        if kind is None or price is None or order.count > kind.most:
            raise Refused(400, NO_CAPACITY if kind else f"GPU type {order.gpu!r} not found")
        return price

    def create(self, order: Order, by: Circumstances) -> Pod:
        """Rent a pod. Raises Refused."""
        price = self.price(order)
        if self.balance() < price:
            raise Refused(402, "Your account balance is too low to deploy this pod.")
        if not self._can_place(order) or self.faults.take(by, ["capacity"]):
            raise Refused(400, NO_CAPACITY)
        dearer = self.faults.take(by, ["price"])
        rate = price * Fraction(str(dearer.factor)) if dearer else price
        if "PUBLIC_KEY" not in order.env and order.start_ssh and self.ssh_keys:
            order.env["PUBLIC_KEY"] = "\n".join(self.ssh_keys)
        pod = Pod(order, rate, self._new_port(), self._around())
        if late := self.faults.take(by, ["late"]):
            pod.unlisted = late.lists
        self.pods[pod.id] = pod
        self._boot(pod)
        return pod

    def listed(self) -> list[Pod]:
        """Return the pods that a list shows now."""
        shown = [pod for pod in self.pods.values() if pod.unlisted == 0]
        for pod in self.pods.values():
            pod.unlisted = max(0, pod.unlisted - 1)
        return shown

    def stop(self, pod: Pod) -> None:
        """Stop a pod."""
        if pod.locked:
            raise Refused(400, "pod is locked")
        pod.halt()

    def resume(self, pod: Pod, by: Circumstances) -> None:
        """Start a stopped pod. Raises Refused if its machine has no free GPU."""
        if self.free(pod.order.gpu) < 1 or self.faults.take(by, ["no_gpus"]):
            raise Refused(400, NO_GPUS)
        if dearer := self.faults.take(by, ["price"]):
            pod.rate *= Fraction(str(dearer.factor))
        if self.faults.take(by, ["zero_gpus"]):
            pod.order = pod.order.model_copy(update={"count": 0})
        self._boot(pod)

    def restart(self, pod: Pod) -> None:
        """Start the container of a running pod anew."""
        pod.halt()
        self._boot(pod)

    def terminate(self, pod: Pod, by: Circumstances) -> None:
        """End a pod for ever, unless a fault has it answered without being done."""
        if not self.faults.take(by, ["silent"]):
            self.remove(pod, "terminated", "pod" if by.key == "pod" else "account")

    def remove(
        self,
        pod: Pod,
        how: Literal["terminated", "vanished"],
        by: Literal["account", "pod", "test"],
    ) -> None:
        """Take a pod away."""
        pod.remove()
        self.ended[pod.id] = Ended(self.pods.pop(pod.id), how, by)

    def balance(self) -> Fraction:
        """Return what is left on the account, in US dollars."""
        all_pods = [*self.pods.values(), *(it.pod for it in self.ended.values())]
        spent = sum((pod.bill.amounts().total for pod in all_pods), Fraction(0))
        return Fraction(str(self.setup.balance_usd)) - spent

    def answer_fault(self, now: Circumstances) -> Fault | None:
        """Use up and return the fault that decides the answer to a request, if there is one."""
        return self.faults.take(now, [*ANSWERS, "made_but_500", "made_but_error"])

    def order_fault(self, **wanted: object) -> None:
        """Order a fault. Raises ValueError for one that cannot be had."""
        if wanted.get("kind") == "memory" and (reason := memory.missing()):
            raise ValueError(reason)
        self.faults.order(**wanted)

    def reset(self) -> None:
        """Remove all pods, faults and requests, and restore keys and stock."""
        for pod in list(self.pods.values()):
            self.remove(pod, "vanished", "test")
        self.ended.clear()
        self.faults.clear()
        self.requests.clear()
        self.ssh_keys, self.key_is_valid = [], True
        self.capacity, self.stock = self.setup.capacity, {}

    async def close(self) -> None:
        """End all pods and wait for their ends."""
        all_pods = [*self.pods.values(), *(it.pod for it in self.ended.values())]
        for pod in list(self.pods.values()):
            self.remove(pod, "vanished", "test")
        await asyncio.gather(*(ending for pod in all_pods for ending in pod.endings))

    def _boot(self, pod: Pod) -> None:
        pod.start(self.faults.take_all(Circumstances(on=("boot",), name=pod.order.name)))

    def _around(self) -> Surroundings:
        setup, folder = self.setup, self.folder / "pods"
        return Surroundings(
            folder, self.clock, self.url, setup.gpus, setup.boot_seconds, setup.bills_disks
        )

    def _can_place(self, order: Order) -> bool:
        centers, versions = order.data_centers, order.cuda_versions
        return (
            self.free(order.gpu) > 0
            and (not centers or not DATA_CENTERS.keys().isdisjoint(centers))
            and (not versions or not set(CUDA_VERSIONS).isdisjoint(versions))
        )

    def _new_port(self) -> int:
        """Return a port on which nothing listens and which no other pod has had."""
        while True:
            port = secrets.choice(range(*PORTS))
            with socket.socket() as tried:
                if port not in self._ports and tried.connect_ex(("127.0.0.1", port)) != 0:
                    self._ports.add(port)
                    return port
