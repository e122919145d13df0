"""Time from spawning the server to its first list of tools, compared with a bare `mcp` server.

    python benchmarks/startup.py [--runs 10] [--gate 3.0]

Uses raw JSON-RPC over stdio in both protocol eras and prints the median of the runs. The two
servers are measured alternately, so that a busy machine slows both. RSS is the server's resident
memory after tools/list. With --gate, the exit code is 1 if the median of our slower era is above
that number of seconds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, NamedTuple

import psutil

BARE = """
from mcp.server import MCPServer
server = MCPServer("bare", log_level="WARNING")
@server.tool()
def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b
server.run()
"""
ENVELOPE = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "startup", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}
HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "startup", "version": "1"},
}
ERAS = ("2025-11-25", "2026-07-28")


class Start(NamedTuple):
    """One start until the answer to tools/list: seconds, resident megabytes, processor seconds."""

    seconds: float
    rss_mb: float
    cpu: float


def main() -> int:
    """Measure, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--gate", type=float, help="exit 1 above this median, in seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as workspace:
        commands = {
            "bare mcp": [sys.executable, "-c", BARE],
            "fumehood": [sys.executable, "-m", "fumehood", "serve", "--workspace", workspace],
        }
        starts = measure(commands, options.runs)
    median = {
        row: statistics.median(s.seconds for s in measured) for row, measured in starts.items()
    }
    rss = {row: statistics.median(s.rss_mb for s in measured) for row, measured in starts.items()}
    print(f"{'server':10} {'era':12} {'median s':>9} {'min s':>7} {'max s':>7} {'RSS MB':>7}")
    for (name, era), measured in starts.items():
        seconds = [start.seconds for start in measured]
        numbers = f"{median[name, era]:9.2f} {min(seconds):7.2f} {max(seconds):7.2f}"
        print(f"{name:10} {era:12} {numbers} {rss[name, era]:7.0f}")
    ours = max(median["fumehood", era] for era in ERAS)
    ratio = max(median["fumehood", era] / median["bare mcp", era] for era in ERAS)
    memory = max(rss["fumehood", era] for era in ERAS)
    print(f"startup: {ours:.2f} s median ({ratio:.1f}x a bare mcp server), RSS {memory:.0f} MB")
    return int(options.gate is not None and ours > options.gate)


def measure(commands: dict[str, list[str]], runs: int) -> dict[tuple[str, str], list[Start]]:
    """Return the measured starts of each server in each era; the first start is not counted."""
    starts: dict[tuple[str, str], list[Start]] = {(n, era): [] for n in commands for era in ERAS}
    for run in range(runs + 1):
        for (name, era), measured in starts.items():
            start = start_once(commands[name], era)
            if run:
                measured.append(start)
    return starts


def start_once(command: list[str], era: str) -> Start:
    """Spawn a server, connect as a client of this era does, list its tools, and stop it."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        if era == "2026-07-28":
            ask(process, 1, "server/discover", ENVELOPE)
        else:
            ask(process, 1, "initialize", HANDSHAKE)
            send(process, {"method": "notifications/initialized"})
        listed = ask(process, 2, "tools/list", ENVELOPE if era == "2026-07-28" else {})
        seconds = time.perf_counter() - began
        if not listed["result"]["tools"]:
            raise SystemExit(f"{command} offers no tools")
        server = psutil.Process(process.pid)
        rss_mb, cpu = server.memory_info().rss / 1e6, sum(server.cpu_times()[:2])
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
    return Start(seconds, rss_mb, cpu)


def send(process: "subprocess.Popen[str]", message: dict[str, Any]) -> None:
    """Write one JSON-RPC message."""
    assert process.stdin is not None
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    process.stdin.flush()


def ask(process: "subprocess.Popen[str]", number: int, method: str, params: Any) -> dict[str, Any]:
    """Send a request and return its answer, skipping notifications."""
    send(process, {"id": number, "method": method, "params": params})
    assert process.stdout is not None
    for line in process.stdout:
        message: dict[str, Any] = json.loads(line)
        if message.get("id") == number:
            return message
    raise SystemExit(f"the server ended before it answered {method}")


if __name__ == "__main__":
    sys.exit(main())
