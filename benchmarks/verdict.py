"""How long a verdict and the demo take from start to end, against another checkout.

usage: python benchmarks/verdict.py [--against FOLDER] [--parts first second verdict]
                                    [--seeds 0 1 2] [--levels 32 64] [--keep FOLDER]
                                    [--memory] [--logs]
       FUMEHOOD_DTYPE=float32: as on a processor without fast bfloat16

first: `fumehood demo` with an empty cache and an empty workspace. second: the demo again there.
verdict: run_variants of the demo's variant and topk, for each of the levels of K and each seed, in
a default sandbox: 12 trainings and scorings as one real job, from the call to the end of the job.
Its activations are in the cache, because the untrained control was scored there before.

--against: the root of another checkout. Its code runs with the same interpreter and the same
settings, in a cache and a workspace of its own; each part is run by it first, then by this one.
--keep: they stay in this folder, for a later call. With an empty --seeds, verdict only makes data.
--memory: also print the peak memory of each process (Linux only; see benchmarks/memory.py). It
reads /proc 20 times a second, which costs a few percent of a core on both sides.
Costs 5 to 20 minutes.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from memory import Watch

HERE = Path(__file__).resolve().parents[1]
PARTS = ("first", "second", "verdict")
VARIANT, BASELINE = "two_stage_topk", "topk"
# Runs in the checkout that is measured, with its own client and server.
RUN = """
import json, shutil, sys, time, anyio
from fumehood.client import connected
from fumehood_tools.settings import load_settings

async def call(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        sys.exit(result.content[0].text)
    return result.structured_content

async def run(client, **request):
    started = time.perf_counter()
    job = await call(client, "run_variants", sandbox="verdict", **request)
    while True:
        seen = await call(client, "wait_for_job", job_id=job["job_id"], max_seconds=30)
        if seen["status"] not in ("queued", "starting", "running"):
            break
    if seen["status"] != "succeeded":
        sys.exit(str(seen))
    return time.perf_counter() - started

async def main():
    settings, request = load_settings(sys.argv[1]), json.loads(sys.argv[2])
    settings.workspace.mkdir(parents=True, exist_ok=True)
    async with connected(settings) as client:
        if not (settings.sandboxes / "verdict").exists():
            await call(client, "create_sandbox", name="verdict")
            variant = settings.sandboxes / "verdict" / "variants" / f"{request['variants'][0]}.py"
            shutil.copyfile(sys.argv[3], variant)
        await run(client, variants=["untrained"], seeds=[0])
        if request["seeds"]:
            print("seconds", await run(client, **request))

anyio.run(main)
"""


class Checkout(NamedTuple):
    """One side of the comparison, with a cache and a workspace of its own."""

    name: str
    root: Path
    folder: Path

    @property
    def workspace(self) -> Path:
        """The workspace of all its parts."""
        return self.folder / "workspace"

    def run(self, *arguments: str) -> str:
        """Run Python with this checkout's code; return what it prints. Ends if it fails."""
        code = os.pathsep.join(str(self.root / part) for part in ("tools", "server"))
        environment = {
            **os.environ,
            "PYTHONPATH": code,
            "FUMEHOOD_CACHE": str(self.folder / "cache"),
        }
        done = subprocess.run(
            [sys.executable, *arguments],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            encoding="utf-8",
        )
        if done.returncode:
            raise SystemExit(f"{self.name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout


class Result(NamedTuple):
    """What one part took. watch: None without --memory."""

    seconds: float
    printed: str
    watch: Watch | None


def request_of(seeds: list[int], levels: list[int]) -> dict[str, Any]:
    """Return the arguments of run_variants; without seeds, only the data are made."""
    return {
        "variants": [VARIANT, BASELINE],
        "seeds": seeds,
        "grid": {"K": levels},
    }


def measure(part: str, side: Checkout, request: dict[str, Any], *, memory: bool) -> Result:
    """Run one part of one side."""
    side.folder.mkdir(exist_ok=True)
    watch = Watch(side.workspace) if memory else None
    workspace = str(side.workspace)
    with watch or contextlib.nullcontext():
        started = time.perf_counter()
        if part == "verdict":
            variant = side.root / "examples" / "variants" / f"{VARIANT}.py"
            printed = side.run("-c", RUN, workspace, json.dumps(request), str(variant))
            seconds = float((re.findall(r"^seconds (\S+)$", printed, re.MULTILINE) or [0])[-1])
        else:
            printed = side.run("-m", "fumehood", "demo", "--workspace", workspace)
            seconds = time.perf_counter() - started
    return Result(seconds, printed, watch)


def order_of(printed: str) -> list[str]:
    """Return the variants of the demo's table in its order."""
    names = re.findall(r"^(\w+) .*\d\.\d{4} +\d\.\d{4} .*$", printed, re.MULTILINE)
    return list(dict.fromkeys(names))


def log_of(side: Checkout) -> str:
    """Return the log of the newest job: when each training and scoring began and ended."""
    logs = (side.workspace / ".fumehood" / "jobs").glob("*/output.log")
    newest = max(logs, key=lambda path: path.stat().st_mtime)
    return newest.read_text(encoding="utf-8", errors="replace")


def show(part: str, side: Checkout, result: Result) -> None:
    """Print what a part took: seconds, the order of the table, the peaks of memory."""
    said = f"{part:8} {side.name:6} {result.seconds:7.1f} s"
    if part != "verdict":
        said += f"   {' > '.join(order_of(result.printed))}"
    print(said, flush=True)
    if result.watch is not None:
        for role, peak in sorted(result.watch.peaks.items(), key=lambda one: -one[1].own):
            print(f"{'':16}{role:24}{peak.own:>8,.0f} MB own{peak.resident:>8,.0f} resident")


def main() -> None:
    """Run the parts in turn; the last line has the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--levels", nargs="+", type=int, default=[32, 64])
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--logs", action="store_true", help="print the log of each part's job")
    parser.add_argument(
        "--keep", type=Path, help="a folder for caches and workspaces; default: none"
    )
    options = parser.parse_args()
    request = request_of(options.seeds, options.levels)
    ratios = []
    with contextlib.ExitStack() as temporary:
        folder = options.keep or Path(temporary.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True)
        sides = [Checkout("this", HERE, folder / "this")]
        if options.against:
            sides.insert(0, Checkout("other", options.against.resolve(), folder / "other"))
        for part in options.parts:
            took = []
            for side in sides:
                took.append(measure(part, side, request, memory=options.memory))
                show(part, side, took[-1])
                if options.logs:
                    print(log_of(side), flush=True)
            if len(took) > 1:
                ratios.append(f"{part} {took[1].seconds / took[0].seconds:.2f} x")
    if ratios:
        print(f"verdict: {', '.join(ratios)} the time of the other checkout")


if __name__ == "__main__":
    main()
