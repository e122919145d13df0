"""A job of evaluations that is canceled, killed or left by its server loses no record."""

import time
from collections.abc import Callable
from typing import Any

import anyio.to_thread
import psutil
import pytest
from fakes.sandbox_files import leave_out_probing
from mcp import Client
from mcp.types import TextContent

from fumehood.app import build_server
from fumehood_tools.receipts.audit import audit
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.child, pytest.mark.slow, pytest.mark.anyio]

WANTED = ["dictionary_recovery", "feature_absorption", "latent_census"]
TOTAL = 3 * 2
"""Evaluations of the SAEs topk and standard."""
LONGEST = 600.0


async def ask(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    [said] = [part.text for part in result.content if isinstance(part, TextContent)]
    assert not result.is_error, said
    return result.structured_content or {}


async def ended(client: Client, job_id: str) -> dict[str, Any]:
    """Return a job when it has ended, whatever became of it."""
    limit = time.monotonic() + LONGEST
    while time.monotonic() < limit:
        found = await client.call_tool("wait_for_job", {"job_id": job_id})
        job: dict[str, Any] = found.structured_content or {}
        if job.get("finished") or job.get("status") not in ("queued", "starting", "running"):
            return job
    raise AssertionError(f"{job_id} did not end within {LONGEST:.0f} s")


def records(box: Sandbox) -> int:
    return len(list(box.results.glob("*/evaluations/*/evaluation.json")))


def family(job_id: str) -> list[psutil.Process]:
    """Return the worker of a job and its descendants."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "fumehood_tools.jobs.supervisor" in words and job_id in words:
            return process.children(recursive=True)
    raise AssertionError(f"{job_id} has no supervisor")


async def until(is_so: Callable[[], bool]) -> None:
    limit = time.monotonic() + LONGEST
    while not is_so():
        assert time.monotonic() < limit
        await anyio.sleep(0.05)


async def begun(client: Client, box: Sandbox, before: int) -> str:
    """Start the evaluations, and return their job once it has written a record."""
    said = await ask(client, "run_evaluations", sandbox="box", evaluations=WANTED)
    assert said.get("recorded", 0) == before
    await until(lambda: records(box) > before)
    return str(said["job_id"])


def assert_sound(settings: Settings, box: Sandbox) -> int:
    """Check that all records are valid and nothing is left beside the jobs; return their number."""
    found, _ = audit(settings.workspace)
    assert found.is_sound and found.others.get("evaluation", 0) == records(box)
    assert not list(settings.state.glob("evaluate-*")) + list(settings.state.glob("scratch-*"))
    return records(box)


async def test_what_a_stopped_job_of_evaluations_has_recorded_is_not_evaluated_again(
    settings: Settings,
) -> None:
    box = create_sandbox(
        settings, "box", subject="synthetic", dict_size=128, train_tokens=20_000, eval_tokens=2_032
    )
    leave_out_probing(box.folder)
    async with Client(build_server(settings)) as client:
        run = await ask(
            client, "run_variants", sandbox="box", variants=["topk", "standard"], seeds=[0]
        )
        assert (await ended(client, run["job_id"]))["status"] == "succeeded"

        job_id = await begun(client, box, 0)
        members = family(job_id)
        await ask(client, "cancel_job", job_id=job_id)
        assert (await ended(client, job_id))["status"] == "cancelled"
        await until(lambda: not any(one.is_running() for one in members))
        first = assert_sound(settings, box)
        assert 0 < first < TOTAL

        job_id = await begun(client, box, first)
        worker, *others = family(job_id)
        worker.kill()
        job = await ended(client, job_id)
        assert job["status"] == "failed" and job["next"], job
        await until(lambda: not any(one.is_running() for one in (worker, *others)))
        second = records(box)
        assert first < second < TOTAL

        said = await ask(client, "run_evaluations", sandbox="box", evaluations=WANTED)
        assert said.get("recorded", 0) == second
    async with Client(build_server(settings)) as client:  # a new server
        job = await ended(client, said["job_id"])
        assert job["status"] == "succeeded", job
        assert job["result"]["recorded_before"] == second
        assert job["result"]["evaluated"] == TOTAL - second
        table = await ask(client, "read_benchmarks", sandbox="box")
    assert assert_sound(settings, box) == TOTAL
    assert table
