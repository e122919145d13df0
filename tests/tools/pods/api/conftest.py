"""The stand-in for the provider, and both adapters to it."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fakes.pod_orders import BOTH, Opened
from fakes.runpod import RunPod
from pydantic import SecretStr

from fumehood_tools.pods.api import PodAPI
from fumehood_tools.pods.api.sdk import SdkPods
from fumehood_tools.pods.api.v2 import RestPods


@pytest.fixture(scope="session")
def running_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunPod]:
    """One stand-in for all tests of this folder."""
    with RunPod.started(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud: RunPod) -> RunPod:
    """A stand-in without pods and faults. Its pods never boot: no container is needed here."""
    running_cloud.reset()
    running_cloud.fault(on="boot", kind="stuck", times=1000)
    return running_cloud


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """An HTTP client that is closed after the test."""
    with httpx.Client() as opened:
        yield opened


@pytest.fixture
def opened(client: httpx.Client) -> Opened:
    """Return a function that opens an adapter."""

    def open_adapter(interface: str, url: str, key: str, seconds: float = 20.0) -> PodAPI:
        if interface == "graphql":
            return SdkPods(client, f"{url}/graphql", SecretStr(key), seconds)
        return RestPods(client, f"{url}/v2", SecretStr(key), seconds, quiet_seconds=0.3)

    return open_adapter


@pytest.fixture(params=BOTH)
def interface(request: pytest.FixtureRequest) -> str:
    """Which interface is tested."""
    return str(request.param)


@pytest.fixture
def api(interface: str, opened: Opened, cloud: RunPod) -> PodAPI:
    """An adapter to the stand-in."""
    return opened(interface, cloud.url, cloud.key)


@pytest.fixture
def impatient(interface: str, opened: Opened, cloud: RunPod) -> PodAPI:
    """An adapter whose calls may take half a second."""
    return opened(interface, cloud.url, cloud.key, seconds=0.5)


@pytest.fixture
def as_sent(client: httpx.Client, cloud: RunPod) -> Callable[[str], dict[str, Any]]:
    """Return a function that returns everything the stand-in knows of a pod."""

    def look(pod_id: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {cloud.key}"}
        found: dict[str, Any] = client.get(f"{cloud.url}/v2/pods/{pod_id}", headers=headers).json()
        return found

    return look
