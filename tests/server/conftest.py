"""Fixtures for the server: a new workspace, both protocol eras, a server that can start jobs."""

import importlib.util
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mcp.client.stdio import StdioServerParameters

from fumehood.app import FumehoodServer, build_server
from fumehood.wings import WINGS
from fumehood_tools.settings import Settings, load_settings

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    """How a client connects: 2026-07-28 (no handshake) and 2025-11-25 (initialize)."""
    return str(request.param)


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    """A fresh workspace and cache, which share only compiled kernels and the list of fonts."""
    cache = tmp_path / "cache"
    cache.mkdir()
    for part in ("kernels", "matplotlib"):
        (shared_cache / part).mkdir(exist_ok=True)
        (cache / part).symlink_to(shared_cache / part)
    environ = {"FUMEHOOD_CACHE": str(cache)}
    return load_settings(tmp_path / "workspace", environ)


@pytest.fixture
def environ(settings: Settings) -> dict[str, str]:
    """The environment of a spawned server, with our packages importable from the checkout."""
    path = os.pathsep.join([str(REPOSITORY / "server"), str(REPOSITORY / "tools")])
    return {**os.environ, **settings.as_environment(), "PYTHONPATH": path}


@pytest.fixture
def job_server(environ: dict[str, str]) -> StdioServerParameters:
    """The real server plus `start_test_job` and a few misbehaving tools, as its own process."""
    script = str(HERE / "job_server.py")
    return StdioServerParameters(command=sys.executable, args=[script], env=environ)


@pytest.fixture
def few_tools(job_server: StdioServerParameters) -> StdioServerParameters:
    """The same server with three toolsets, which takes a third less to start."""
    args = [*job_server.args, "sandbox", "jobs", "misbehaving"]
    return job_server.model_copy(update={"args": args})


@pytest.fixture
def with_jobs(settings: Settings) -> FumehoodServer:
    """The same server in this process. Its jobs are still separate processes."""
    spec = importlib.util.spec_from_file_location("job_server", HERE / "job_server.py")
    assert spec is not None and spec.loader is not None
    door = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(door)
    return build_server(settings, wings=(*WINGS, door.WING))


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Poll a condition: return when it is true, or fail the test after some seconds."""

    def wait(condition: Callable[[], object], seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"still not true after {seconds} s"
            time.sleep(0.02)

    return wait
