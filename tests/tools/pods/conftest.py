"""Machines for the tests of ssh and of the agent: one sshd on loopback, or one stand-in for pods,
for each module.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fakes.loopback_ssh import LoopbackSsh, loopback_ssh
from fakes.rented_pods import Lab
from fakes.runpod import RunPod
from fakes.ssh_program import Ssh

from fumehood_tools.pods.agent import Agent
from fumehood_tools.pods.ssh import ClientKey, HostKeys, Machine


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for internal files of a workspace."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory, state: Path) -> Iterator[LoopbackSsh]:
    """A running sshd that knows the workspace's key."""
    folder = tmp_path_factory.mktemp("loopback") / "sshd"
    with loopback_ssh(folder, ClientKey(state).public()) as running:
        yield running


@pytest.fixture(scope="module")
def machine(sshd: LoopbackSsh, state: Path) -> Iterator[Machine]:
    """That machine, as we reach it."""
    with Machine("host", sshd.address, ClientKey(state), HostKeys(state), patience_s=20) as found:
        yield found


@pytest.fixture(scope="module")
def agent(machine: Machine, sshd: LoopbackSsh) -> Agent:
    """The agent, installed there."""
    found = Agent(machine, f"{sshd.root}/.fumehood", sys.executable)
    found.install()
    return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunPod]:
    """A running stand-in, on which time costs nothing."""
    with RunPod.started(tmp_path_factory.mktemp("cloud"), clock_pace=0) as running:
        yield running


@pytest.fixture
def cloud(service: RunPod) -> Iterator[RunPod]:
    """The stand-in, without pods and faults at first."""
    yield service
    service.reset()


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Ssh:
    """The ssh program, with a key of its own."""
    return Ssh(tmp_path_factory.mktemp("key"))


@pytest.fixture
def rest(cloud: RunPod) -> Iterator[httpx.Client]:
    """A client of the stand-in's REST v2."""
    headers = {"Authorization": f"Bearer {cloud.key}"}
    with httpx.Client(base_url=f"{cloud.url}/v2", headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def lab(cloud: RunPod, tmp_path: Path) -> Iterator[Lab]:
    """Pods of one workspace."""
    found = Lab(cloud, tmp_path / "state")
    yield found
    for machine in found.machines:
        machine.close()
