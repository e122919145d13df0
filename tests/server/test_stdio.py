"""The server over stdio: every protocol version, only JSON on stdout, a prompt shutdown."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from fumehood import __version__
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.anyio

HANDSHAKES = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
ENVELOPE = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}


class Wire:
    """A server process with raw JSON-RPC lines. Every line that it writes must be JSON."""

    def __init__(self, command: list[str], environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._number = 0

    def send(self, method: str, params: Any = None, number: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params or {}}
        assert self.process.stdin is not None
        line = json.dumps(message if number is None else {**message, "id": number})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, method: str, params: Any = None) -> dict[str, Any]:
        self._number += 1
        self.send(method, params, self._number)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message: dict[str, Any] = json.loads(line)
            if message.get("id") == self._number:
                return message
        raise AssertionError("the server ended without an answer")

    def end(self) -> tuple[float, str]:
        """Close the pipe; return the seconds until the process ended, and its stderr."""
        began = time.monotonic()
        _, stderr = self.process.communicate(timeout=20)
        return time.monotonic() - began, stderr


@pytest.fixture
def wire(environ: dict[str, str], job_server: StdioServerParameters) -> Iterator[Wire]:
    made = Wire([job_server.command, *job_server.args], environ)
    yield made
    made.process.kill()
    made.process.communicate()


def shake_hands(wire: Wire, version: str) -> dict[str, Any]:
    hello = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    }
    answer: dict[str, Any] = wire.ask("initialize", hello)["result"]
    wire.send("notifications/initialized")
    return answer


@pytest.mark.parametrize("version", HANDSHAKES)
def test_every_handshake_version_is_spoken(wire: Wire, version: str) -> None:
    hello = shake_hands(wire, version)
    assert hello["protocolVersion"] == version
    assert hello["serverInfo"]["name"] == "fumehood"
    assert hello["serverInfo"]["version"] == __version__
    assert "create_sandbox" in hello["instructions"]
    assert wire.ask("ping")["result"] == {}
    assert wire.ask("tools/list")["result"]["tools"]


def test_an_unknown_version_is_answered_with_a_known_one(wire: Wire) -> None:
    assert shake_hands(wire, "2031-01-01")["protocolVersion"] == "2025-11-25"


def test_the_modern_era_is_spoken_without_a_handshake(wire: Wire) -> None:
    found = wire.ask("server/discover", ENVELOPE)["result"]
    assert "2026-07-28" in found["supportedVersions"]
    listed = wire.ask("tools/list", ENVELOPE)["result"]
    assert listed["tools"] and len(json.dumps(listed["_meta"])) < 500


def test_stray_prints_of_a_tool_do_not_reach_the_wire(wire: Wire) -> None:
    shake_hands(wire, "2025-11-25")
    result = wire.ask("tools/call", {"name": "print_noise", "arguments": {}})["result"]
    assert result["structuredContent"] == {"text": "quiet"}
    _, stderr = wire.end()
    assert all(f"stray {what}" in stderr for what in ("print", "write", "child"))


def test_an_idle_server_ends_promptly_when_its_client_goes(wire: Wire) -> None:
    shake_hands(wire, "2025-11-25")
    seconds, stderr = wire.end()
    assert wire.process.returncode == 0 and seconds < 2, stderr
    assert "Traceback" not in stderr


def test_a_server_with_a_stuck_thread_ends_promptly_too(environ: dict[str, str]) -> None:
    # The command line ends the process, so the tool must be registered in `fumehood serve`.
    script = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import job_server;"
        "from fumehood.wings import WINGS; from fumehood.cli import main;"
        "sys.exit(main(['serve'], (*WINGS, job_server.WING)))"
    )
    wire = Wire([sys.executable, "-c", script, os.path.dirname(__file__)], environ)
    try:
        shake_hands(wire, "2025-11-25")
        call = {"name": "block_thread", "arguments": {"seconds": 30}}
        wire.send("tools/call", call, 77)
        assert wire.ask("ping")["result"] == {}
        seconds, stderr = wire.end()
    finally:
        wire.process.kill()
        wire.process.communicate()
    assert seconds < 2, stderr


def test_ctrl_c_ends_the_server_at_once_and_without_a_traceback(environ: dict[str, str]) -> None:
    wire = Wire([sys.executable, "-m", "fumehood", "serve"], environ)
    try:
        shake_hands(wire, "2025-11-25")
        wire.process.send_signal(signal.SIGINT)
        assert wire.process.wait(timeout=5) == -signal.SIGINT
        _, stderr = wire.end()
    finally:
        wire.process.kill()
        wire.process.communicate()
    assert "Traceback" not in stderr


async def test_a_real_client_uses_a_spawned_server(
    job_server: StdioServerParameters, era: str
) -> None:
    async with Client(job_server, mode=era) as client:
        result = await client.call_tool("list_jobs", {})
        refused = await client.call_tool("list_jobs", {"limt": 1})
    assert result.structured_content == {"jobs": [], "total": 0, "next_cursor": None}
    assert refused.is_error


def test_starting_a_server_leaves_no_trace_in_the_workspace(wire: Wire, settings: Settings) -> None:
    shake_hands(wire, "2025-11-25")
    wire.ask("tools/list")
    wire.end()
    assert not settings.workspace.exists()
