"""Fixtures for rentals: a stand-in for the provider, and a clock that both sides share.

Time passes only when somebody sleeps, at once and for the stand-in's bills as well. So a deadline
of an hour takes as long as the looks in it, and costs can be compared to the cent.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes.runpod import NEEDS_PODS, RunPod
from pydantic import SecretStr

from fumehood_tools.pods.api import PodAPI, PodOrder, choose_api
from fumehood_tools.pods.api.v2 import RestPods
from fumehood_tools.pods.rentals import Desk, Wish, open_desk
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.web.service import open_client

A40, RTX, A100 = "NVIDIA A40", "NVIDIA GeForce RTX 4090", "NVIDIA A100 80GB PCIe"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f test"


class SharedClock:
    """A clock that stands still until somebody sleeps, and takes the stand-in's along."""

    def __init__(self, cloud: RunPod) -> None:
        self._cloud, self._base, self.slept = cloud, time.time(), 0.0
        self.boots = 1
        self.at_next_sleep: Callable[[], None] = lambda: None

    def boot(self) -> str:
        return f"boot {self.boots}"

    def ticks(self) -> float:
        return self.slept

    def epoch(self) -> float:
        return self._base + self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self._cloud.advance(seconds)
        happens, self.at_next_sleep = self.at_next_sleep, lambda: None
        happens()

    def at_noon(self) -> "SharedClock":
        """Return this clock, set to 12:00 UTC, where a test about days is not near their end."""
        self._base = self._base // 86_400 * 86_400 + 43_200 - self.slept
        return self


def settings_for(folder: Path, cloud: RunPod) -> Settings:
    """Return settings of a workspace whose provider is the stand-in."""
    return load_settings(folder, {"FUMEHOOD_ENDPOINTS": cloud.endpoints})


@pytest.fixture(scope="package")
def http() -> Iterator[httpx.Client]:
    with open_client() as client:
        yield client


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunPod]:
    if not RunPod.is_possible():
        pytest.skip(NEEDS_PODS)
    with RunPod.started(tmp_path_factory.mktemp("cloud"), clock_pace=0) as running:
        yield running


@pytest.fixture
def clock(cloud: RunPod) -> SharedClock:
    return SharedClock(cloud)


@pytest.fixture(params=["v2", pytest.param("graphql", marks=pytest.mark.slow)])
def interface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_workspace(
    cloud: RunPod, clock: SharedClock, http: httpx.Client, tmp_path: Path, interface: str
) -> Iterator[Callable[..., Desk]]:
    """Return a function that opens the rentals of a workspace, by name."""
    opened: list[Desk] = []

    def open_it(name: str = "workspace", seconds: float = 30.0) -> Desk:
        settings, key = settings_for(tmp_path / name, cloud), SecretStr(cloud.key)
        api: PodAPI = RestPods(http, f"{cloud.url}/v2", key, seconds, quiet_seconds=0.1)
        if interface == "graphql":  # with logs and bills from v2, as for users
            api = choose_api(settings, {"RUNPOD_API_KEY": key}, http, seconds)
        opened.append(open_desk(settings.state, api, clock))
        return opened[-1]

    yield open_it
    for desk in opened:
        desk.close()


@pytest.fixture
def desk(open_workspace: Callable[..., Desk]) -> Desk:
    return open_workspace()


def wish_for(place: str = "pod 0", **more: Any) -> Wish:
    """Return a wish; its setup may take so long that a busy machine boots in time."""
    order = PodOrder(name="", image="an/image", environment={"PUBLIC_KEY": KEY}, disk_gb=20)
    fields = {"gpus": (A40,), "runtime_s": 3600.0, "setup_s": 7200.0, "order": order}
    return Wish(place=place, **{**fields, **more})
