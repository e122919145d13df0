"""Measure reading a study of 500 experiments, and the start of a server on its workspace.

    python benchmarks/long_study.py [--experiments 500] [--repeats 15] [--keep FOLDER]

Fills a workspace (`long_study_fill`: 4 entries and 6 scores per experiment, about 3 minutes) and
asks real servers over stdio for `read_study`: the first call in a fresh server, and the same call
again. "cpu" is the processor time of the server, which other programs on the machine change less.
Then it starts servers on this workspace and on an empty one in turn, so that a busy machine slows
both. The files were read before, so the disk is not measured.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from long_study_fill import STUDY, fill
from mcp import Client
from startup import start_once

from fumehood.client import connected, server_parameters, text_of
from fumehood_tools.settings import Settings

CALLS: dict[str, dict[str, Any]] = {
    "summary": {},
    "full, first page": {"detail": "full"},
    "search, 1 hit": {"search": "Idea 26"},
    "search, all plans": {"search": "latents in use"},
}
FRESH = 5
MOST_SECONDS, MOST_RATIO = 0.5, 1.05


class Took(NamedTuple):
    """One call: seconds that the client waited, and processor seconds of the server."""

    wall: float
    cpu: float


def main() -> int:
    """Measure, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--experiments", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--keep", metavar="FOLDER", help="use the workspace in it, or fill it")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        kept = options.keep or stack.enter_context(tempfile.TemporaryDirectory())
        root, empty = Path(kept), Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = filled(root, options.experiments)
        first, again = asyncio.run(read(settings, options.repeats))
        other = Settings(workspace=empty / "workspace", cache=root / "cache", device="cpu")
        starts = start({"long study": settings, "empty": other}, options.repeats)
    report(first, again, starts)
    return 0


def filled(root: Path, experiments: int) -> Settings:
    """Return the workspace in a folder, which is filled first if it is not there."""
    if (root / "workspace").exists():
        return Settings(workspace=root / "workspace", cache=root / "cache", device="cpu")
    began = time.perf_counter()
    settings = fill(root, experiments)
    print(f"filled in {time.perf_counter() - began:.0f} s", flush=True)
    return settings


async def read(
    settings: Settings, repeats: int
) -> tuple[dict[str, list[Took]], dict[str, list[Took]]]:
    """Return the first read of each kind in fresh servers, and the reads after that."""
    first: dict[str, list[Took]] = {name: [] for name in CALLS}
    again: dict[str, list[Took]] = {name: [] for name in CALLS}
    for _ in range(FRESH):
        for name, how in CALLS.items():
            async with connected(settings) as client:
                await client.list_tools()
                first[name].append(await timed(client, settings, how))
    async with connected(settings) as client:
        print(await asked(client, {}), end="\n\n", flush=True)
        for _ in range(repeats):
            for name, how in CALLS.items():
                again[name].append(await timed(client, settings, how))
    return first, again


async def timed(client: Client, settings: Settings, how: dict[str, Any]) -> Took:
    """Ask for the study once and return what it took."""
    server = the_server(settings)
    cpu, began = sum(server.cpu_times()[:2]), time.perf_counter()
    await asked(client, how)
    wall = time.perf_counter() - began
    return Took(wall, sum(server.cpu_times()[:2]) - cpu)


async def asked(client: Client, how: dict[str, Any]) -> str:
    """Return the head of a page. A page with problems or without entries ends the benchmark."""
    result = await client.call_tool("read_study", {"study": STUDY, **how})
    page = result.structured_content or {}
    if result.is_error or page.get("problems") or not page["entries"]:
        raise SystemExit(f"read_study: {text_of(result)[:2000]}")
    return "\n".join(text_of(result).splitlines()[:3])


def the_server(settings: Settings) -> psutil.Process:
    """Return the process of the server of a workspace."""
    (found,) = (
        child
        for child in psutil.Process().children()
        if str(settings.workspace) in child.cmdline() and "serve" in child.cmdline()
    )
    return found


def start(sides: dict[str, Settings], repeats: int) -> dict[str, list[Took]]:
    """Return what it takes from spawn to tools/list; the first start of each is not counted."""
    found: dict[str, list[Took]] = {name: [] for name in sides}
    for number in range(repeats + 1):
        for name, settings in sides.items():
            how = server_parameters(settings)
            took = start_once([how.command, *how.args], "2025-11-25")
            if number:
                found[name].append(Took(took.seconds, took.cpu))
    return found


def report(
    first: dict[str, list[Took]], again: dict[str, list[Took]], starts: dict[str, list[Took]]
) -> None:
    """Print the tables and the summary line."""
    print(f"{'read_study':22} {'first s':>8} {'cpu s':>6} {'again s':>8} {'cpu s':>6}   (medians)")
    for name in CALLS:
        numbers = [
            statistics.median(getattr(took, part) for took in some[name])
            for some in (first, again)
            for part in Took._fields
        ]
        print(f"{name:22} {numbers[0]:8.3f} {numbers[1]:6.2f} {numbers[2]:8.3f} {numbers[3]:6.2f}")
    for name, some in starts.items():
        wall, cpu = (
            statistics.median(getattr(took, part) for took in some) for part in Took._fields
        )
        print(f"{'start, ' + name:22} {wall:8.3f} {cpu:6.2f}")
    pairs = list(zip(starts["long study"], starts["empty"], strict=True))
    ratio = statistics.median(one.wall / other.wall for one, other in pairs)
    of_cpu = statistics.median(one.cpu / other.cpu for one, other in pairs)
    slowest = max(statistics.median(took.wall for took in some) for some in first.values())
    print(
        f"long study: first read {slowest:.2f} s (goal {MOST_SECONDS}), start {ratio:.2f} x an "
        f"empty workspace (goal {MOST_RATIO}), in processor time {of_cpu:.2f} x, medians of pairs"
    )


if __name__ == "__main__":
    sys.exit(main())
