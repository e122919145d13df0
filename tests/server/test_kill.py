"""Killing a client or server loses no job. Real processes; the server starts the jobs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio.to_thread
import psutil
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import CallToolResult, TextContent

pytestmark = [pytest.mark.child, pytest.mark.anyio]

Eventually = Callable[..., None]

STARTER = """
import sys, anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters
async def main(gate, *server):
    async with Client(StdioServerParameters(command=sys.executable, args=server, env=ENV)) as c:
        started = await c.call_tool("start_test_job", {"gate": gate})
        print(started.structured_content["job_id"], flush=True)
        await c.call_tool("wait_for_job", {"job_id": started.structured_content["job_id"]})
import os
ENV = dict(os.environ)
anyio.run(main, *sys.argv[1:])
"""


def text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


async def ask(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text_of(result)
    assert result.structured_content is not None
    return result.structured_content


@pytest.fixture
def agent(
    environ: dict[str, str], few_tools: StdioServerParameters, tmp_path: Path
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A client process in its own process group, with its server, and the job they started."""
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path / "gate"), *few_tools.args],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    yield process, process.stdout.readline().strip()
    process.kill()
    process.communicate()


def supervisor_of(job_id: str) -> psutil.Process:
    """Return the process that supervises a job."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "fumehood_tools.jobs.supervisor" in words and job_id in words:
            return process
    raise AssertionError(f"{job_id} has no supervisor")


async def test_a_client_that_leaves_does_not_take_its_job_along(
    few_tools: StdioServerParameters, tmp_path: Path, era: str
) -> None:
    async with Client(few_tools, mode=era) as client:
        started = await ask(client, "start_test_job", gate=str(tmp_path / "gate"))
    (tmp_path / "gate").touch()
    async with Client(few_tools, mode=era) as client:
        (listed,) = (await ask(client, "list_jobs"))["jobs"]
        job = await ask(client, "wait_for_job", job_id=started["job_id"])
    assert listed["job_id"] == started["job_id"]
    assert job["status"] == "succeeded" and job["result"]["steps"] == 5


async def test_a_job_survives_sigkill_of_the_servers_process_group(
    agent: tuple["subprocess.Popen[str]", str],
    few_tools: StdioServerParameters,
    tmp_path: Path,
) -> None:
    process, job_id = agent
    groups = {os.getpgid(child.pid) for child in psutil.Process(process.pid).children(True)}
    for group in groups | {os.getpgid(process.pid)}:
        os.killpg(group, signal.SIGKILL)
    await finish_and_check(few_tools, job_id, tmp_path)


async def test_a_job_survives_sigkill_of_the_servers_process_tree(
    agent: tuple["subprocess.Popen[str]", str],
    few_tools: StdioServerParameters,
    tmp_path: Path,
) -> None:
    process, job_id = agent
    root = psutil.Process(process.pid)
    tree = [*root.children(recursive=True), root]
    assert len(tree) >= 2, "the client and its server"
    for member in tree:
        member.kill()
    psutil.wait_procs(tree[:-1], timeout=5)
    await finish_and_check(few_tools, job_id, tmp_path)


async def finish_and_check(few_tools: StdioServerParameters, job_id: str, tmp_path: Path) -> None:
    (tmp_path / "gate").touch()
    async with Client(few_tools) as client:
        job = await ask(client, "wait_for_job", job_id=job_id)
    assert job["status"] == "succeeded" and job["result"]["steps"] == 5


async def test_a_job_whose_supervisor_was_killed_is_lost_and_says_what_to_do(
    few_tools: StdioServerParameters,
    tmp_path: Path,
    eventually: Eventually,
) -> None:
    async with Client(few_tools) as client:
        started = await ask(client, "start_test_job", gate=str(tmp_path / "gate"))
        job_id = started["job_id"]
        await until_running(client, job_id)
        supervisor = supervisor_of(job_id)
        workers = supervisor.children(recursive=True)
        supervisor.kill()
        result = await client.call_tool("wait_for_job", {"job_id": job_id})
        log = await ask(client, "read_job_log", job_id=job_id)
    job: Any = result.structured_content
    assert job["status"] == "lost" and "start it again" in job["next"]
    assert "next: The process that supervised it was killed" in text_of(result)
    assert "the worker says hello" in log["untrusted_lines"]
    assert workers
    gone = all_gone(workers)
    await anyio.to_thread.run_sync(eventually, gone)


def all_gone(processes: list[psutil.Process]) -> Callable[[], bool]:
    def gone() -> bool:
        return not any(
            process.is_running() and process.status() != psutil.STATUS_ZOMBIE
            for process in processes
        )

    return gone


async def until_running(client: Client, job_id: str) -> None:
    with anyio.fail_after(10):
        while True:
            job = await ask(client, "wait_for_job", job_id=job_id, max_seconds=0.3)
            if job["status"] == "running" and job["progress"]:
                return
