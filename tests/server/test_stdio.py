"""The server over stdio: every protocol version, only JSON on stdout, a prompt shutdown."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from fumehood import __version__
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.child, pytest.mark.anyio]

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

    def end(self) -> str:
        """Close the pipe and return stderr. Fails if the process has not ended in 20 seconds."""
        _, stderr = self.process.communicate(timeout=20)
        return stderr


@pytest.fixture
def wire(environ: dict[str, str], few_tools: StdioServerParameters) -> Iterator[Wire]:
    made = Wire([few_tools.command, *few_tools.args], environ)
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


@pytest.mark.parametrize("probes", [1, 3])
def test_a_host_whose_probe_came_too_early_can_still_shake_hands(wire: Wire, probes: int) -> None:
    for number in range(probes):
        wire.send("server/discover", ENVELOPE, 100 + number)
    assert shake_hands(wire, "2025-11-25")["protocolVersion"] == "2025-11-25"
    assert wire.ask("tools/list")["result"]["tools"]
    assert "Traceback" not in wire.end()


def test_a_probe_that_is_malformed_gets_an_error_and_decides_nothing(wire: Wire) -> None:
    half = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}
    assert "error" in wire.ask("server/discover", half)
    assert shake_hands(wire, "2025-06-18")["protocolVersion"] == "2025-06-18"


def test_stray_prints_of_a_tool_do_not_reach_the_wire(wire: Wire) -> None:
    shake_hands(wire, "2025-11-25")
    result = wire.ask("tools/call", {"name": "print_noise", "arguments": {}})["result"]
    assert result["structuredContent"] == {"text": "quiet"}
    stderr = wire.end()
    assert all(f"stray {what}" in stderr for what in ("print", "write", "child"))


def test_an_idle_server_ends_when_its_client_goes(wire: Wire) -> None:
    shake_hands(wire, "2025-11-25")
    stderr = wire.end()
    assert wire.process.returncode == 0, stderr
    assert "Traceback" not in stderr


def test_a_server_with_a_stuck_thread_does_not_wait_for_it(environ: dict[str, str]) -> None:
    # The command line ends the process, so the tool must be registered in `fumehood serve`.
    script = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import job_server;"
        "from fumehood.wings import WINGS; from fumehood.cli import main;"
        "sys.exit(main(['serve'], (*WINGS, job_server.WING)))"
    )
    wire = Wire([sys.executable, "-c", script, os.path.dirname(__file__)], environ)
    try:
        shake_hands(wire, "2025-11-25")
        call = {"name": "block_thread", "arguments": {"seconds": 60}}
        wire.send("tools/call", call, 77)
        assert wire.ask("ping")["result"] == {}
        wire.end()  # Sooner than the tool, which blocks its thread for 60 seconds.
    finally:
        wire.process.kill()
        wire.process.communicate()
    assert wire.process.returncode == 0


def test_the_temporary_folders_of_a_client_that_leaves_are_removed(
    environ: dict[str, str],
    settings: Settings,
    tmp_path: Path,
    eventually: Callable[..., None],
) -> None:
    box = create_sandbox(settings, "a", subject="synthetic")
    endless = "class CustomSAE(BaseSAE):\n    def encode(self, x):\n        while True: ...\n"
    (box.variants / "endless.py").write_text(f"from core import BaseSAE\n{endless}", "utf-8")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "fumehood", "serve"]
    wire = Wire(command, {**environ, "TMPDIR": str(temporary)})
    try:
        shake_hands(wire, "2025-11-25")
        call = {"name": "check_variant", "arguments": {"sandbox": "a", "variant": "endless"}}
        wire.send("tools/call", call, 77)
        eventually(lambda: list(temporary.glob("fumehood-check-*")), 40)
        wire.end()
    finally:
        wire.process.kill()
        wire.process.communicate()
    eventually(lambda: not list(temporary.glob("fumehood-*")), 20)


def test_ctrl_c_ends_the_server_at_once_and_without_a_traceback(environ: dict[str, str]) -> None:
    wire = Wire([sys.executable, "-m", "fumehood", "serve"], environ)
    try:
        shake_hands(wire, "2025-11-25")
        wire.process.send_signal(signal.SIGINT)
        assert wire.process.wait(timeout=5) == -signal.SIGINT
        stderr = wire.end()
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


def test_starting_a_server_leaves_no_trace_in_the_workspace(
    environ: dict[str, str], job_server: StdioServerParameters, settings: Settings
) -> None:
    wire = Wire([job_server.command, *job_server.args], environ)
    try:
        shake_hands(wire, "2025-11-25")
        wire.ask("tools/list")
        wire.end()
    finally:
        wire.process.kill()
        wire.process.communicate()
    assert not settings.workspace.exists()
