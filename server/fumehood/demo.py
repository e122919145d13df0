"""The demo: it runs the main job as an agent would, through an MCP client over stdio.

create_sandbox -> (writes a variant file) -> check_variant -> run_variants -> wait_for_job …
-> read_benchmarks -> plot_benchmarks. Every number printed comes from a tool result.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Literal, get_args

import anyio
import tomlkit
from mcp import Client
from mcp.types import CallToolResult
from tqdm import tqdm

from fumehood.client import connected, text_of
from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.files import data_path, write_bytes
from fumehood_tools.sandbox.sources import SPEC_FILE
from fumehood_tools.settings import Settings, load_settings

Scale = Literal["demo", "tiny"]
VARIANT = "two_stage_topk"
BASELINES = ("topk", "batch_topk", "standard")
CONTROL = "untrained"
# Half of the default's tokens and two of its four probing tasks: the table has the same order, and
# a new user does not wait for the other halves.
SANDBOX_OF_SCALE: dict[Scale, dict[str, Any]] = {
    "demo": {"train_tokens": 100_000},
    "tiny": {
        "subject": "synthetic",
        "layer": 0,
        "corpus": "synthetic",
        "dict_size": 256,
        "train_tokens": 20_000,
        "eval_tokens": 4_064,
    },
}

PROBING_OF_SCALE: dict[Scale, list[str]] = {"demo": ["ag_news", "code"]}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `fumehood demo`."""
    parser.add_argument("--scale", choices=get_args(Scale), default="demo", help="(%(default)s)")


def run(options: argparse.Namespace, _: Settings) -> int:
    """Run the demo in the given workspace (default: the folder demo); return the exit code."""
    settings = load_settings(options.workspace or "demo")
    try:
        anyio.run(_run, settings, options.scale)
    except FumehoodError as error:
        print(f"\ndemo stopped: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: Settings, scale: Scale) -> None:
    started = time.monotonic()
    settings.workspace.mkdir(parents=True, exist_ok=True)
    problem: FumehoodError | None = None
    async with connected(settings) as client:
        # Caught here, because the client would wrap an error that leaves its block in an exception
        # group.
        try:
            await _main_job(client, settings, scale)
        except FumehoodError as error:
            problem = error
    if problem:
        raise problem
    print(f"\nThe demo took {(time.monotonic() - started) / 60:.1f} min.")


async def _main_job(client: Client, settings: Settings, scale: Scale) -> None:
    name = _free_name(settings)
    tools = (await client.list_tools()).tools
    print(f"server: {len(tools)} tools: {', '.join(tool.name for tool in tools)}\n")
    box = {"name": name, **SANDBOX_OF_SCALE[scale]}
    print(text_of(await _call(client, "create_sandbox", box)), "\n")
    if tasks := PROBING_OF_SCALE.get(scale):
        _choose_probing(settings.sandboxes / name / SPEC_FILE, tasks)
        print(f"wrote sandbox.toml: scoring.probing_tasks = {tasks}\n")
    target = settings.sandboxes / name / "variants" / f"{VARIANT}.py"
    shutil.copyfile(data_path("examples") / "variants" / f"{VARIANT}.py", target)
    print(f"wrote variants/{VARIANT}.py\n")
    check = {"sandbox": name, "variant": VARIANT}
    print(text_of(await _call(client, "check_variant", check)), "\n")
    # The control takes no training, so the scorer has work from the start.
    variants = [CONTROL, VARIANT, *BASELINES]
    run = await _call(client, "run_variants", {"sandbox": name, "variants": variants})
    print(text_of(run), "\n")
    await _wait(client, str((run.structured_content or {})["job_id"]))
    print(text_of(await _call(client, "read_benchmarks", {"sandbox": name})), "\n")
    print(text_of(await _call(client, "plot_benchmarks", {"sandbox": name})))


def _choose_probing(path: Path, tasks: list[str]) -> None:
    """Write other probing tasks into a sandbox.toml, as a person would."""
    content: Any = tomlkit.parse(path.read_text(encoding="utf-8"))
    content["scoring"]["probing_tasks"] = tasks
    write_bytes(path, tomlkit.dumps(content).encode())


async def _wait(client: Client, job_id: str) -> None:
    """Wait for the job with a progress bar. Raises RunFailed when it does not succeed."""
    bar = tqdm(total=1.0, bar_format="{percentage:3.0f}% |{bar:30}| {elapsed} {desc}", leave=True)

    async def show(done: float, total: float | None, message: str | None) -> None:
        bar.n = done / (total or 1.0)
        bar.set_description_str(message or "", refresh=True)

    with bar:
        while True:
            arguments = {"job_id": job_id, "max_seconds": 30}
            result = await _call(client, "wait_for_job", arguments, show)
            job = result.structured_content or {}
            if job["status"] not in ("queued", "starting", "running"):
                break
        bar.n = 1.0
        bar.set_description_str(str(job["status"]))
    print()
    if job["status"] != "succeeded":
        raise RunFailed(text_of(result))


async def _call(
    client: Client, tool: str, arguments: dict[str, Any], progress: Any = None
) -> CallToolResult:
    """Call a tool. Raises RunFailed with the tool's message when it returns an error."""
    result = await client.call_tool(tool, arguments, progress_callback=progress)
    if result.is_error:
        raise RunFailed(f"{tool}: {text_of(result)}")
    return result


def _free_name(settings: Settings) -> str:
    """Return "demo", or "demo-2" and so on if that is taken, so that a demo always trains."""
    taken = {path.name for path in settings.sandboxes.glob("demo*")}
    names = ["demo", *(f"demo-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
