"""Streamable HTTP: requests need the token and an allowed host name."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from fumehood.app import build_server
from fumehood.http import Address, check_access, http_app, token_for
from fumehood_tools.errors import BadRequest
from fumehood_tools.settings import Settings, take_token

pytestmark = pytest.mark.anyio

TOKEN = "a-token-for-these-tests"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = {"Accept": "application/json, text/event-stream"}


class Served(NamedTuple):
    port: int
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def serve(
    environ: dict[str, str], eventually: Callable[..., None]
) -> Iterator[Callable[..., Served]]:
    started: list[subprocess.Popen[str]] = []

    def start(**more: str) -> Served:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "fumehood", "serve", "--http", str(port)],
            env={**environ, **more},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        eventually(lambda: is_open(port), 30)
        return Served(port, process)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def post(served: Served, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(served.url, json=PING, headers={**ACCEPT, **named}).status_code


@pytest.mark.child
async def test_the_holder_of_the_token_works_through_a_real_client(
    serve: Callable[..., Served], era: str
) -> None:
    served = serve(FUMEHOOD_TOKEN=TOKEN)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(served.url, http_client=http), mode=era) as client,
    ):
        assert (await client.list_tools()).tools
        result = await client.call_tool("list_jobs", {})
    assert not result.is_error and result.structured_content is not None


@pytest.mark.child
def test_strangers_are_refused_each_for_their_own_reason(serve: Callable[..., Served]) -> None:
    served = serve(FUMEHOOD_TOKEN=TOKEN)
    right = f"Bearer {TOKEN}"
    assert post(served) == 401
    assert post(served, Authorization="Bearer wrong") == 401
    assert post(served, Authorization=f"Basic {TOKEN}") == 401
    assert post(served, Authorization=TOKEN) == 401
    assert post(served, Authorization=f"bearer {TOKEN}") not in (401, 403, 421)
    refused = httpx2.post(served.url, json=PING, headers=ACCEPT)
    assert ".fumehood/token" in refused.json()["error_description"]
    assert post(served, Authorization=right, Host="evil.example") == 421
    assert post(served, Authorization=right, Origin="http://evil.example") == 403
    assert post(served, Authorization=right, Origin="http://localhost:3000") not in (401, 403, 421)
    health = httpx2.get(f"http://127.0.0.1:{served.port}/health")
    assert health.json()["status"] == "ok"


@pytest.mark.child
def test_a_request_that_its_client_aborts_leaves_no_traceback(serve: Callable[..., Served]) -> None:
    served = serve(FUMEHOOD_TOKEN=TOKEN)
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
        "Content-Length: 5000\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(head.encode())
    assert httpx2.get(f"http://127.0.0.1:{served.port}/health").status_code == 200
    served.process.send_signal(signal.SIGTERM)
    _, stderr = served.process.communicate(timeout=20)
    assert "serves" in stderr and "Traceback" not in stderr


@pytest.mark.child
def test_a_token_is_made_shown_and_kept_for_the_owner_only(
    serve: Callable[..., Served], settings: Settings, eventually: Callable[..., None]
) -> None:
    served = serve()
    kept = settings.state / "token"
    token = kept.read_text(encoding="utf-8").strip()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert post(served) == 401
    assert post(served, Authorization=f"Bearer {token}") not in (401, 403, 421)
    served.process.send_signal(signal.SIGTERM)
    _, stderr = served.process.communicate(timeout=5)
    assert f"Bearer {token}" in stderr and "Traceback" not in stderr
    assert token_for(settings.state, None) == token


def test_the_token_is_not_handed_down_to_the_jobs_of_the_server() -> None:
    environ = {"FUMEHOOD_TOKEN": TOKEN}
    assert take_token(environ) == TOKEN
    assert environ == {}


def test_a_token_that_others_could_read_is_replaced(settings: Settings) -> None:
    first = token_for(settings.state, None)
    (settings.state / "token").chmod(0o644)
    assert token_for(settings.state, None) != first


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.20", "lab.example"])
def test_an_address_others_can_reach_needs_a_token_and_names(host: str) -> None:
    with pytest.raises(BadRequest, match="no token is set"):
        check_access(Address(host, 8000, ("lab.example",)), None)
    with pytest.raises(BadRequest, match="--allowed-host"):
        check_access(Address(host, 8000), TOKEN)
    check_access(Address(host, 8000, ("lab.example",)), TOKEN)


def test_a_short_token_is_refused() -> None:
    with pytest.raises(BadRequest, match="16 characters"):
        check_access(Address("127.0.0.1", 8000), "short")


async def test_on_a_reachable_address_only_the_allowed_names_count(settings: Settings) -> None:
    address = Address("0.0.0.0", 8000, ("lab.example",))
    server = build_server(settings)
    app = http_app(server, address, TOKEN)
    headers = {**ACCEPT, "Authorization": f"Bearer {TOKEN}"}
    transport = httpx2.ASGITransport(app=app)
    async with (
        server.session_manager.run(),
        httpx2.AsyncClient(transport=transport, headers=headers) as http,
    ):
        statuses = {
            name: (await http.post(f"http://{name}/mcp", json=PING)).status_code
            for name in ("lab.example", "lab.example:8000", "127.0.0.1:8000", "evil.example")
        }
    assert statuses["127.0.0.1:8000"] == statuses["evil.example"] == 421
    assert not {statuses["lab.example"], statuses["lab.example:8000"]} & {401, 403, 421}


@pytest.mark.child
def test_the_command_refuses_a_reachable_address_without_names(environ: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fumehood", "serve", "--http", "8765", "--host", "0.0.0.0"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert re.search(r"bad_request: 0\.0\.0\.0 can be reached", done.stderr)
