"""A pod: its life, its container and its bill.

A pod is billed from the request that creates it. It boots in the background; its container is
started again whenever its process ends, as the provider does, until the pod is stopped.
"""

import asyncio
import secrets
import shutil
import string
from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

from fakes.runpod import container, gpu
from fakes.runpod.clock import DISK_USD, STOPPED_DISK_USD, Bill, Clock
from fakes.runpod.faults import Fault
from fakes.runpod.memory import MemoryCap
from fakes.runpod.orders import Gpu, Order
from fakes.runpod.running import Running

Status = Literal["PROVISIONING", "STARTING", "RUNNING", "EXITED", "ERROR"]
RESTART_SECONDS = 0.5


class Line(NamedTuple):
    """One line of a pod's log. The event id is the date and a number, as the provider's."""

    id: str
    ts: str
    source: Literal["container", "system"]
    text: str


class Surroundings(NamedTuple):
    """What a pod needs of its cloud. url: the base address of the service."""

    folder: Path
    clock: Clock
    url: str
    gpus: Mapping[str, Gpu]
    boot_seconds: float
    bills_disks: bool


def random_id(length: int = 14) -> str:
    """Return an id of the provider's form."""
    letters = string.ascii_lowercase + string.digits
    return "".join(secrets.choice(letters) for _ in range(length))


class Pod:
    """One rented pod. All methods but the boot itself act at once."""

    def __init__(self, order: Order, rate: Fraction, port: int, around: Surroundings) -> None:
        self.id, self.machine = random_id(), random_id(12)
        self.order, self.rate, self.port = order, rate, port
        self.key = f"rpa_POD{secrets.token_hex(12).upper()}"
        self.created = around.clock.now()
        self.started: int | None = None
        self.status: Status = "PROVISIONING"
        self.public = self.locked = self.is_gone = False
        self.unlisted = 0
        self.log: list[Line] = []
        self.news = asyncio.Event()
        self.folder = around.folder / self.id
        self.bill = Bill(around.clock)
        self.endings: set[asyncio.Task[None]] = set()
        self._around = around
        self._running: Running | None = None
        self._boot: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process that runs the container, while it does."""
        return self._running.pid if self._running else None

    @property
    def is_rented(self) -> bool:
        """Whether the pod occupies its GPUs."""
        return self.status not in ("EXITED", "ERROR")

    def date(self, moment: int) -> datetime:
        """Return the date of a moment of the cloud's clock."""
        return self._around.clock.date(moment)

    def uptime(self) -> int:
        """Return the seconds since the container started, 0 if it does not run."""
        if self.started is None:
            return 0
        return (self._around.clock.now() - self.started) // 10**9

    def start(self, faults: Iterable[Fault]) -> None:
        """Boot, with these faults."""
        self.status, self.started = "PROVISIONING", None
        disk = DISK_USD * (self.order.disk_gb + self.order.volume_gb)
        self._charge(self.rate, disk)
        self._boot = asyncio.create_task(self._run({fault.kind: fault for fault in faults}))

    def halt(self) -> None:
        """Stop, as on request or on preemption: everything but the volume is lost."""
        self._end("EXITED")
        self._charge(Fraction(0), STOPPED_DISK_USD * self.order.volume_gb)
        self.say("stop container")

    def fail(self) -> None:
        """Give the pod up."""
        self._end("ERROR")
        self._charge(Fraction(0), STOPPED_DISK_USD * self.order.volume_gb)

    def remove(self) -> None:
        """End for ever, and delete the disks."""
        self._end("EXITED", delete=True)
        self._charge(Fraction(0), Fraction(0))
        self.is_gone = True
        self.news.set()

    def drop_ssh(self) -> int:
        """Kill the ends of all SSH connections, not what they started; return how many."""
        dropped = 0
        for process, listens in self._running.sshd() if self._running else ():
            if not listens:
                process.kill()
                dropped += 1
        return dropped

    def freeze_ssh(self, frozen: bool) -> None:
        """Let sshd and all connections go silent without an end, or continue."""
        for process, _ in self._running.sshd() if self._running else ():
            if frozen:
                process.suspend()
            else:
                process.resume()

    def set_gpu(self, index: int, used_mib: int, broken: bool) -> None:
        """Set what nvidia-smi says in the pod."""
        root, name = self.folder / "container", self.order.gpu or ""
        gpu.set_used(root, name, self._around.gpus.get(name), index, used_mib)
        gpu.set_broken(root, broken)

    def say(self, text: str, source: Literal["container", "system"] = "system") -> None:
        """Add a line to the log."""
        stamp = self.date(self._around.clock.now()).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.log.append(Line(f"{stamp}/{len(self.log) + 1:012}", stamp, source, text))
        self.news.set()

    async def _run(self, faults: dict[str, Fault]) -> None:
        await self._ended()
        self.say("create pod network")
        await asyncio.sleep(self._around.boot_seconds / 2)
        self.status = "STARTING"
        self.say(f"create container {self.order.image}")
        self.say(f"{self.order.image} Pulling from the registry")
        if "stuck" in faults:
            return
        await asyncio.sleep(self._around.boot_seconds / 2)
        if "error" in faults:
            self.say("error creating container: the machine has failed")
            self._boot = None
            self.fail()
            return
        while True:
            self.say(f"start container for {self.order.image}: begin")
            code = await self._contain(faults)
            self.say(f"container exited with status {code}")
            self.status, self.public, self.started = "STARTING", False, None
            await asyncio.sleep(RESTART_SECONDS)

    async def _contain(self, faults: dict[str, Fault]) -> int:
        """Run the container until its process ends; return its exit status."""
        plan = self._plan(faults)
        root, volume = self.folder / "container", self.folder / "volume"
        if not self.order.volume_gb:
            shutil.rmtree(volume, ignore_errors=True)
        container.lay_out(root, volume, plan)
        if kind := self.order.gpu:
            gpu.install(root, kind, self._around.gpus.get(kind), self.order.count)
        cap = MemoryCap(self.id, faults["memory"].mb) if "memory" in faults else None
        line = container.command_line(root, volume, plan, self.id, cap)
        running = self._running = Running(line, container.environment(plan), cap)
        await running.started()
        if not plan.crash:
            self.status, self.started = "RUNNING", self._around.clock.now()
            self.public = "no_public_ip" not in faults and self.order.public_ip
        async for text in running.lines():
            self.say(text, "container")
        return await running.status()

    def _plan(self, faults: dict[str, Fault]) -> container.Plan:
        order = self.order
        given = {
            "RUNPOD_POD_ID": self.id,
            "RUNPOD_API_KEY": self.key,
            "RUNPOD_API_BASE_URL": self._around.url,
            "RUNPOD_POD_HOSTNAME": f"{self.id}-{self.machine[:8]}",
            "RUNPOD_PUBLIC_IP": "127.0.0.1",
            "RUNPOD_TCP_PORT_22": str(self.port),
            "RUNPOD_GPU_COUNT": str(order.count if order.gpu else 0),
            "RUNPOD_DC_ID": self.data_center,
        }
        return container.Plan(
            port=self.port,
            environment=given | order.env,
            command=order.args,
            volume_path=order.volume_path,
            sshd="no_sshd" not in faults,
            sshd_delay=faults["sshd_delay"].seconds if "sshd_delay" in faults else 0,
            keys="no_keys" not in faults,
            sftp="no_sftp" not in faults,
            another_host_key="host_key_changes" in faults,
            disk_mb=faults["disk"].mb if "disk" in faults else 0,
            shift=faults["clock"].shift if "clock" in faults else "",
            crash="crash" in faults,
        )

    @property
    def data_center(self) -> str:
        """Where the pod was placed."""
        return (self.order.data_centers or ["US-KS-2"])[0]

    def _charge(self, compute: Fraction, disk: Fraction) -> None:
        self.bill.charge(compute, disk if self._around.bills_disks else Fraction(0))

    def _end(self, status: Status, *, delete: bool = False) -> None:
        if self._boot is not None:
            self._boot.cancel()
        if self._running is not None:
            self._running.kill()
            ending = asyncio.create_task(self._running.end())
            self.endings.add(ending)
            ending.add_done_callback(self.endings.discard)
        if delete:
            self.endings.add(deleting := asyncio.create_task(self._delete()))
            deleting.add_done_callback(self.endings.discard)
        self._boot = self._running = None
        self.status, self.started, self.public = status, None, False

    async def _ended(self) -> None:
        """Wait until no container of this pod runs any more."""
        await asyncio.gather(*(self.endings - {asyncio.current_task()}))

    async def _delete(self) -> None:
        await self._ended()
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)
