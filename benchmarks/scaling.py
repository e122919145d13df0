"""Measure whether the server gets slower in a workspace with 10,000 jobs and results.

    python benchmarks/scaling.py [--counts 100 10000] [--repeats 15]

Fills two workspaces (`scaling_fill`), connects a real client to a real server over stdio for each,
and times every operation on both in turn, so that a busy machine slows both. Prints medians and
deletes the workspaces.

The sandbox `small` has 24 results in both workspaces. The other sandboxes share the rest, so an
operation on one of them reads more results in the larger workspace. These rows are listed
separately, under "its sandbox grew". Papers are not measured.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from mcp import Client
from scaling_fill import LARGE, SMALL, Filled, fill, metrics, trained
from startup import start_once

from fumehood.client import connected, server_parameters, text_of
from fumehood_tools import receipts
from fumehood_tools.files import sha256_of
from fumehood_tools.jobs.outcome import JobEnd
from fumehood_tools.jobs.processes import Identity
from fumehood_tools.jobs.table import Table
from fumehood_tools.records.scores import Data
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.runs.targets import Effort
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.scoring.requests import ScoringAnswer
from fumehood_tools.where import here

Call = Callable[["Side"], Awaitable[None]]
FEW = 5
"""Repeats of operations that take a second or change the workspace."""


class Side:
    """One of the two workspaces, its client while that is connected, and its measured times."""

    def __init__(self, filled: Filled) -> None:
        self.filled, self.settings = filled, filled.settings
        self.client: Client | None = None
        self.times: dict[str, list[float]] = {}
        self.peak_mb = 0.0
        self.seed = 1_000

    async def call(self, tool: str, **arguments: Any) -> None:
        """Call a tool. An error of the tool ends the benchmark."""
        assert self.client is not None
        result = await self.client.call_tool(tool, arguments)
        if result.is_error:
            raise SystemExit(f"{tool}: {text_of(result)}")

    def note_peak(self) -> None:
        """Record the peak resident memory of this side's server."""
        for process in psutil.Process().children():
            with contextlib.suppress(psutil.Error, OSError):
                if str(self.settings.workspace) in process.cmdline():
                    self.peak_mb = max(self.peak_mb, _peak_mb(process.pid))

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Measure the time of a block and store it under a name."""
        began = time.perf_counter()
        yield
        self.times.setdefault(name, []).append(time.perf_counter() - began)


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


class Operation(NamedTuple):
    """One measured operation."""

    name: str
    call: Call
    grows: bool = False
    few: bool = False


def tool(name: str, tool_name: str, *, grows: bool = False, **arguments: Any) -> Operation:
    """Return an operation that calls a tool once."""

    async def call(side: Side) -> None:
        with side.timed(name):
            await side.call(tool_name, **arguments)

    return Operation(name, call, grows)


def of_job(name: str, tool_name: str, job: Callable[[Filled], Any], **more: Any) -> Operation:
    """Return an operation that calls a tool with a job id or cursor of its workspace."""

    async def call(side: Side) -> None:
        with side.timed(name):
            await side.call(tool_name, **job(side.filled), **more)

    return Operation(name, call)


async def after_one_more(side: Side) -> None:
    """Write one score, then read the large table."""
    _record(side, Recorder(side.settings, open_sandbox(side.settings, LARGE[0]), "landlock"))
    with side.timed("read_benchmarks, large, one new score"):
        await side.call("read_benchmarks", sandbox=LARGE[0])


OPERATIONS = (
    tool("list_jobs, first page", "list_jobs"),
    tool("list_jobs, queued", "list_jobs", status="queued"),
    tool("list_jobs, failed", "list_jobs", status="failed"),
    of_job("list_jobs, late page", "list_jobs", lambda filled: {"cursor": filled.late_cursor}),
    of_job("wait_for_job, ended", "wait_for_job", lambda f: {"job_id": f.ended_job}, max_seconds=0),
    of_job("wait_for_job, last", "wait_for_job", lambda f: {"job_id": f.queued_job}, max_seconds=0),
    of_job("read_job_log", "read_job_log", lambda filled: {"job_id": filled.ended_job}),
    tool("run_variants (submit)", "run_variants", sandbox=SMALL, variants=["topk"]),
    tool("list_variants, small", "list_variants", sandbox=SMALL),
    tool("read_benchmarks, small", "read_benchmarks", sandbox=SMALL),
    tool("list_variants, large", "list_variants", sandbox=LARGE[0], grows=True),
    tool("read_benchmarks, large", "read_benchmarks", sandbox=LARGE[0], grows=True),
    Operation("read_benchmarks, large, one new score", after_one_more, grows=True, few=True),
)
FIRST = (
    ("read_benchmarks, small, fresh server", SMALL, False),
    ("read_benchmarks, large, fresh server", LARGE[0], True),
)
GROWING = {operation.name for operation in OPERATIONS if operation.grows}
GROWING |= {name for name, _, grows in FIRST if grows} | {"a job's start, large (Recorder)"}


def main() -> int:
    """Measure, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs=2, default=(100, 10_000))
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        began = time.perf_counter()
        sides = [Side(fill(Path(root), count)) for count in options.counts]
        print(f"filled in {time.perf_counter() - began:.1f} s", flush=True)
        start_servers(sides, FEW)
        asyncio.run(ask_servers(sides, options.repeats))
        asyncio.run(ask_fresh_servers(sides))
        record(sides, Path(root), options.repeats)
        claim(sides, options.repeats)
    report(sides)
    return 0


def start_servers(sides: Sequence[Side], repeats: int) -> None:
    """Measure the time from spawning a server to its answer to tools/list."""
    for _ in range(repeats):
        for side in sides:
            how = server_parameters(side.settings)
            seconds = start_once([how.command, *how.args], "2026-07-28").seconds
            side.times.setdefault("spawn to tools/list", []).append(seconds)


async def ask_servers(sides: Sequence[Side], repeats: int) -> None:
    """Measure the tools of two running servers; the first call of each tool is not counted."""
    async with contextlib.AsyncExitStack() as servers:
        for side in sides:
            side.client = await servers.enter_async_context(connected(side.settings))
            await side.client.list_tools()
        for operation in OPERATIONS:
            for side in sides:
                await operation.call(side)
                del side.times[operation.name]
            for _ in range(FEW if operation.few else repeats):
                for side in sides:
                    await operation.call(side)
        for side in sides:
            side.note_peak()


async def ask_fresh_servers(sides: Sequence[Side]) -> None:
    """Measure the first reading of a table in a newly started server."""
    for _ in range(FEW):
        for side in sides:
            for name, sandbox, _ in FIRST:
                async with connected(side.settings) as side.client:
                    await side.client.list_tools()
                    with side.timed(name):
                        await side.call("read_benchmarks", sandbox=sandbox)
                    side.note_peak()


def record(sides: Sequence[Side], root: Path, repeats: int) -> None:
    """Measure how a job writes results: its start, one score, and a single ledger line."""
    trained(root / "out")
    for side in sides:  # imports and digests are computed once per process, so not measured
        _record(side, _recorder(side, SMALL))
    recorders = {}
    for _ in range(repeats):
        for side in sides:
            with side.timed("a job's start, small (Recorder)"):
                recorders[side] = _recorder(side, SMALL)
            with side.timed("a job's start, large (Recorder)"):
                _recorder(side, LARGE[0])
    for number in range(repeats):
        for side in sides:
            with side.timed("record one score"):
                _record(side, recorders[side])
            key = receipts.load_key(side.settings.state)
            assert key is not None
            with side.timed("append to the ledger"):
                place = f"{receipts.results_of(SMALL)}/none/seed{number}"
                line = receipts.Entry("withdraw", "score", place, str(number))
                receipts.append(side.settings.state, key, [line])


def _recorder(side: Side, sandbox: str) -> Recorder:
    return Recorder(side.settings, open_sandbox(side.settings, sandbox), "landlock")


def _record(side: Side, recorder: Recorder) -> None:
    """Let the evaluator's recorder write a score for a new seed."""
    out = trained(side.settings.workspace.parent / "out")
    side.seed += 1
    item = Planner(recorder.sandbox, "d" * 16).item("topk", side.seed)
    where = here("cpu", 1, "landlock")
    answer = ScoringAnswer(
        name=item.name,
        metrics=metrics(0.001),
        seconds=1.0,
        where=where,
        weights_sha256=sha256_of(out / receipts.WEIGHTS_FILE),
    )
    data = Data(digest="d" * 16, train_tokens=200_000, eval_tokens=16_256)
    recorder.score(item, out, data, answer, Effort(1.0, None, where))


def claim(sides: Sequence[Side], repeats: int) -> None:
    """Measure the time to claim the next job in the queue, without starting a supervisor."""
    tables = {side: Table(side.settings.state) for side in sides}
    for table in tables.values():
        for row in table.rows("SELECT id FROM jobs WHERE status='running'"):
            table.settle(row["id"], JobEnd("succeeded"))
    # The first claim is not counted: it reads the table into this connection's cache.
    for number in range(1 + repeats):
        for side, table in tables.items():
            began = time.perf_counter()
            job_id = table.claim()
            if number:
                seconds = time.perf_counter() - began
                side.times.setdefault("claim of the next job", []).append(seconds)
            assert job_id is not None, "the queue is empty"
            table.take(job_id, Identity(1, 0.0))
            table.settle(job_id, JobEnd("succeeded"))


def report(sides: Sequence[Side]) -> None:
    """Print the table and the summary lines."""
    few, many = sides
    print(f"{'':42} {few.filled.jobs:>10,} {many.filled.jobs:>10,}  jobs")
    print(f"{'':42} {few.filled.results:>10,} {many.filled.results:>10,}  results")
    ratios: dict[str, float] = {}
    for grows in (False, True):
        if grows:
            sizes = " -> ".join(f"{side.filled.large_results:,}" for side in sides)
            print(f"its sandbox grew ({sizes} results)")
        for name in few.times:
            if (name in GROWING) == grows:
                a, b = statistics.median(few.times[name]), statistics.median(many.times[name])
                ratios[name] = b / a
                print(f"{name:42} {1e3 * a:7.2f} ms {1e3 * b:7.2f} ms {b / a:7.2f} x")
    print(f"{'peak RSS of a server':42} {few.peak_mb:7.0f} MB {many.peak_mb:7.0f} MB")
    for text, chosen in (("its sandbox grew", GROWING), ("scaling", set(ratios) - GROWING)):
        worst = max(chosen, key=lambda name: ratios[name])
        print(f"{text}: worst {ratios[worst]:.1f} x at {many.filled.jobs:,} ({worst})")


if __name__ == "__main__":
    sys.exit(main())
