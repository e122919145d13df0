"""Pods of the stand-in as a workspace has them: rented, reached by ssh, with the agent on them."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from fakes.runpod import RunPod
from fumehood_tools.pods.agent import Agent, JobSpec, JobStatus, start_command
from fumehood_tools.pods.api import SshAddress
from fumehood_tools.pods.ssh import ClientKey, HostKeys, Machine, fingerprints_in

GPU = "NVIDIA A40"
SECONDS = 90


def until(holds: Callable[[], object], seconds: float = SECONDS) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


class Lab:
    """Pods of one workspace."""

    def __init__(self, cloud: RunPod, state: Path) -> None:
        self.cloud, self.key, self.known = cloud, ClientKey(state), HostKeys(state)
        self.machines: list[Machine] = []

    def rent(self, **more: Any) -> str:
        """Rent a pod and return its id."""
        order = {
            "name": "fumehood-a-b",
            "image": "image",
            "gpu": {"id": GPU},
            "ports": ["22/tcp"],
            "env": {"PUBLIC_KEY": self.key.public(), "OF_THE_POD": "yes"},
        }
        answer = httpx.post(
            f"{self.cloud.url}/v2/pods",
            json=order | more,
            headers={"Authorization": f"Bearer {self.cloud.key}"},
            timeout=60,
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def machine(self, pod: str, patience_s: float = 30.0, expects: bool = False) -> Machine:
        """Return the machine of a pod, as soon as its port is known."""
        until(lambda: self.cloud.pods()[pod].ssh_port)
        expected = fingerprints_in(self.cloud.log(pod)) if expects else ()
        address = SshAddress(host="127.0.0.1", port=self.cloud.pods()[pod].ssh_port or 0)
        found = Machine(pod, address, self.key, self.known, expected, patience_s)
        self.machines.append(found)
        return found

    def agent(self, pod: str, patience_s: float = 30.0) -> Agent:
        """Return the agent of a pod, installed."""
        found = Agent(self.machine(pod, patience_s), python=sys.executable)
        found.install()
        return found

    def start_command(self, ttl_s: float, max_life_s: float) -> str:
        """Return the command that guards a pod of this cloud."""
        where = {"v2": f"{self.cloud.url}/v2", "graphql": f"{self.cloud.url}/graphql"}
        return start_command(ttl_s=ttl_s, max_life_s=max_life_s, **where)

    def arm(self, agent: Agent, ttl_s: float, max_life_s: float) -> bool:
        """Start the watchdog of a pod."""
        where = (f"{self.cloud.url}/v2", f"{self.cloud.url}/graphql")
        return agent.arm_watchdog(ttl_s, max_life_s, *where)


def script(job: str, text: str, **more: Any) -> JobSpec:
    """Return a job that runs lines of bash."""
    return JobSpec.model_validate({"job": job, "argv": ("bash", "-c", text), **more})


def ended(agent: Agent, spec: JobSpec) -> tuple[JobStatus, bytes]:
    """Run a job, and return its state at the end and its log."""
    agent.start(spec)
    log = b"".join(piece.data for piece in agent.follow(spec.job))
    return agent.status(spec.job), log
