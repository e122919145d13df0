"""The stand-in as tests use it: a process of its own, ordered about over HTTP.

with RunPod.started(tmp_path) as cloud:
    cloud.fault(on="create", kind="lost_response")
    ... cloud.url, cloud.key ...
    assert not cloud.pods()
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes.runpod import container, memory
from fakes.runpod.cloud import Asked, Setup
from fakes.runpod.orders import GPUS, Gpu
from fakes.runpod.running import sweep

TESTS = Path(__file__).resolve().parents[2]
END_SECONDS = 10
NEEDS_PODS, NEEDS_CAP = "needs sshd and bubblewrap", "needs a memory control group"


@dataclass(frozen=True)
class LivingPod:
    """A pod that exists. ssh_port: where its sshd is published. pid: the bubblewrap that runs it.

    folder: on this machine; its container/ is the root folder of the pod, its volume/ the volume.
    """

    name: str
    status: str
    cost_usd: float
    ssh_port: int | None
    pid: int | None
    folder: Path


@dataclass(frozen=True)
class EndedPod:
    """A pod that is gone. how: terminated or vanished. by: account, pod (its own key) or test."""

    name: str
    billed_usd: float
    how: str
    by: str


class RunPod:
    """A running stand-in."""

    def __init__(self, url: str, key: str, pid: int) -> None:
        # Not above, because the stand-in itself loads this module and needs no client.
        import httpx

        self.url, self.key, self.pid = url, key, pid
        self._http = httpx.Client(base_url=url, timeout=60)

    @classmethod
    @contextlib.contextmanager
    def started(
        cls,
        folder: Path,
        *,
        boot_seconds: float = 0.0,
        capacity: int = 8,
        gpus: Mapping[str, Gpu] = GPUS,
        clock_pace: float = 1.0,
        bills_disks: bool = True,
        balance_usd: float = 100.0,
        per_minute: int | None = None,
    ) -> Iterator["RunPod"]:
        """Run a stand-in until the block ends. Its pods live in the folder.

        boot_seconds: from the create request to a running container. clock_pace: how much faster
        than real time pods are billed (0: only by `advance`). bills_disks: whether their disks cost
        money, as the provider's do. per_minute: requests to v2 that are answered per minute.
        """
        setup = Setup(
            boot_seconds=boot_seconds,
            capacity=capacity,
            gpus=dict(gpus),
            clock_pace=clock_pace,
            bills_disks=bills_disks,
            balance_usd=balance_usd,
            per_minute=per_minute,
        )
        # The pipe to its stdin ends the stand-in and its pods also when this process is killed.
        process = subprocess.Popen(
            [sys.executable, "-m", "fakes.runpod", "--for-a-test", folder, setup.model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
        )
        assert process.stdin and process.stdout
        try:
            told = process.stdout.readline()
            assert told, "the stand-in did not start; its stderr says why"
            ready = json.loads(told)
            cloud = cls(ready["url"], ready["key"], process.pid)
            with cloud._http:
                yield cloud
        finally:
            process.stdin.close()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
            sweep(folder)

    @staticmethod
    def is_possible() -> bool:
        """Whether this machine has what pods need. If not, skip: NEEDS_PODS is the reason."""
        return container.is_possible()

    @staticmethod
    def can_cap_memory() -> bool:
        """Whether the boot fault `memory` can be had. If not, skip: NEEDS_CAP is the reason."""
        return memory.missing() is None

    @property
    def endpoints(self) -> str:
        """The value for FUMEHOOD_ENDPOINTS."""
        return f"runpod_graphql={self.url}/graphql;runpod_v2={self.url}/v2"

    def fault(
        self, *, on: str, kind: str, times: int = 1, name: str | None = None, **more: Any
    ) -> None:
        """Order a fault: see faults.py. Raises ValueError for one that cannot be had here."""
        self._order("fault", on=on, kind=kind, times=times, name=name, **more)

    def preempt(self, pod_id: str) -> None:
        """Stop a pod as the provider does when it needs the machine: it is EXITED afterwards."""
        self._order("preempt", pod=pod_id)

    def vanish(self, pod_id: str) -> None:
        """Remove a pod as somebody at the provider's console does."""
        self._order("vanish", pod=pod_id)

    def drop_ssh(self, pod_id: str) -> int:
        """Cut all SSH connections of a pod, and return how many. What they started goes on."""
        return int(self._order("drop_ssh", pod=pod_id))

    def freeze_ssh(self, pod_id: str) -> None:
        """Let sshd of a pod and all its connections go silent, as when the network is cut."""
        self._order("freeze_ssh", pod=pod_id, frozen=True)

    def thaw_ssh(self, pod_id: str) -> None:
        """Let them go on."""
        self._order("freeze_ssh", pod=pod_id, frozen=False)

    def set_gpu(
        self, pod_id: str, index: int = 0, *, used_mib: int = 1, broken: bool = False
    ) -> None:
        """Set what nvidia-smi says in a pod: memory in use of one GPU, or that the driver fails."""
        self._order("set_gpu", pod=pod_id, index=index, used_mib=used_mib, broken=broken)

    def reach(self, pod_id: str, seconds: float = 20) -> int:
        """Wait until a pod's sshd greets and return its port. Raises ValueError if it does not."""
        return int(self._order("reach", pod=pod_id, seconds=seconds))

    def set_capacity(self, count: int, gpu: str | None = None) -> None:
        """Allow so many pods, or so many with this kind of GPU."""
        self._order("set_capacity", count=count, gpu=gpu)

    def revoke_key(self) -> None:
        """Refuse the account's key from now on. Keys of pods stay valid."""
        self._order("set_key", valid=False)

    def restore_key(self) -> None:
        """Accept the account's key again."""
        self._order("set_key", valid=True)

    def advance(self, seconds: float) -> None:
        """Let time pass on the clock by which pods are billed."""
        self._order("advance", seconds=seconds)

    def reset(self) -> None:
        """Remove all pods, faults and recorded requests, and restore keys and capacity."""
        self._order("reset")

    def pods(self) -> dict[str, LivingPod]:
        """Return all pods that exist, by id."""
        return {
            pod_id: LivingPod(**{**seen, "folder": Path(seen["folder"])})
            for pod_id, seen in self._order("pods").items()
        }

    def ended(self) -> dict[str, EndedPod]:
        """Return all pods that are gone, by id."""
        return {pod_id: EndedPod(**seen) for pod_id, seen in self._order("ended").items()}

    def requests(self) -> list[Asked]:
        """Return all requests as (method, operation).

        The operation is the GraphQL field, such as podTerminate, or the v2 route, such as
        /v2/pods/{id}.
        """
        return [Asked(*one) for one in self._order("requests")]

    def log(self, pod_id: str) -> list[str]:
        """Return the lines of the log of a pod, also of one that is gone."""
        return list(self._order("log", pod=pod_id))

    def _order(self, do: str, **what: Any) -> Any:
        answer = self._http.post("/_standin", json={"do": do, **what})
        if answer.status_code == 400:
            raise ValueError(answer.json()["error"])
        answer.raise_for_status()
        return answer.json()
