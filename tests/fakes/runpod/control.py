"""What tests order of the stand-in, under /_standin: faults, events, time, and a look inside."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from aiohttp import web

from fakes.runpod.cloud import Cloud
from fakes.runpod.orders import Refused
from fakes.runpod.pod import Pod


class Control:
    """Carries out orders of the form {"do": name, …}."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._orders: dict[str, Callable[..., Any]] = {
            "fault": cloud.order_fault,
            "preempt": self._preempt,
            "vanish": self._vanish,
            "drop_ssh": self._drop_ssh,
            "freeze_ssh": self._freeze_ssh,
            "set_gpu": self._set_gpu,
            "reach": self._reach,
            "set_capacity": self._set_capacity,
            "set_key": self._set_key,
            "advance": cloud.clock.advance,
            "reset": cloud.reset,
            "pods": self._pods,
            "ended": self._ended,
            "requests": self._requests,
            "log": self._log,
        }

    async def answer(self, request: web.Request) -> web.Response:
        """Carry out one order; status 400 and the reason if it cannot be."""
        sent = await request.json()
        try:
            done = self._orders[sent.pop("do")](**sent)
            if inspect.isawaitable(done):
                done = await done
        except (ValueError, Refused) as error:
            return web.json_response({"error": str(error)}, status=400)
        # The ends of containers are quick, and tests look at processes and disks after them.
        await asyncio.gather(*(ending for pod in self._all() for ending in list(pod.endings)))
        return web.json_response(done)

    def _preempt(self, pod: str) -> None:
        self._its(pod).halt()

    def _vanish(self, pod: str) -> None:
        self._cloud.remove(self._its(pod), "vanished", "test")

    def _drop_ssh(self, pod: str) -> int:
        return self._its(pod).drop_ssh()

    def _freeze_ssh(self, pod: str, frozen: bool) -> None:
        self._its(pod).freeze_ssh(frozen)

    def _set_gpu(self, pod: str, index: int, used_mib: int, broken: bool) -> None:
        self._its(pod).set_gpu(index, used_mib, broken)

    async def _reach(self, pod: str, seconds: float) -> int:
        """Return the port of a pod's sshd as soon as it greets."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            its = self._its(pod)
            if its.public and await _greets(its.port):
                return its.port
            await asyncio.sleep(0.02)
        raise Refused(404, f"sshd of the pod {pod} does not answer within {seconds} s")

    def _set_capacity(self, count: int, gpu: str | None = None) -> None:
        if gpu is None:
            self._cloud.capacity = count
        else:
            self._cloud.stock[gpu] = count

    def _set_key(self, valid: bool) -> None:
        self._cloud.key_is_valid = valid

    def _pods(self) -> dict[str, Any]:
        return {
            pod.id: {
                "name": pod.order.name,
                "status": pod.status,
                "cost_usd": float(pod.bill.amounts().total),
                "ssh_port": pod.port if pod.public else None,
                "pid": pod.pid,
                "folder": str(pod.folder),
            }
            for pod in self._cloud.pods.values()
        }

    def _ended(self) -> dict[str, Any]:
        return {
            one.pod.id: {
                "name": one.pod.order.name,
                "billed_usd": float(one.pod.bill.amounts().total),
                "how": one.how,
                "by": one.by,
            }
            for one in self._cloud.ended.values()
        }

    def _requests(self) -> list[list[str]]:
        return [list(one) for one in self._cloud.requests]

    def _log(self, pod: str) -> list[str]:
        gone = self._cloud.ended.get(pod)
        return [line.text for line in (gone.pod if gone else self._its(pod)).log]

    def _its(self, pod_id: str) -> Pod:
        if pod_id not in self._cloud.pods:
            raise Refused(404, f"there is no pod {pod_id}")
        return self._cloud.pods[pod_id]

    def _all(self) -> list[Pod]:
        return [*self._cloud.pods.values(), *(it.pod for it in self._cloud.ended.values())]


async def _greets(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        return (await reader.read(4)) == b"SSH-"
    except OSError:
        return False
    finally:
        writer.close()
