"""The job tools, through a client; the jobs are real processes. Both protocol eras."""

import contextlib
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

from fumehood.app import FumehoodServer
from fumehood.doors.jobs import UNTRUSTED
from fumehood_tools.jobs import JobStore
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.child, pytest.mark.anyio]


def text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


async def ask(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text_of(result)
    assert result.structured_content is not None
    return result.structured_content


async def test_waiting_reports_progress_and_ends_with_the_next_step(
    with_jobs: FumehoodServer, tmp_path: Path, era: str
) -> None:
    reports: list[tuple[float, float | None, str | None]] = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        reports.append((done, total, message))
        if done == 5:
            (tmp_path / "gate").touch()

    async with Client(with_jobs, mode=era) as client:
        started = await ask(client, "start_test_job", gate=str(tmp_path / "gate"))
        result = await client.call_tool(
            "wait_for_job", {"job_id": started["job_id"]}, progress_callback=note
        )
    job: Any = result.structured_content
    assert job["status"] == "succeeded" and job["next"] == "Call read_benchmarks."
    assert job["result"]["steps"] == 5 and len(job["result"]["scored"]) == 60
    lines = text_of(result).splitlines()
    assert lines[1:] == ["steps: 5", "scored: 60", "next: Call read_benchmarks."]
    done = [report[0] for report in reports]
    assert done == sorted(set(done)) and done[-1] == 5
    assert reports[-1][1:] == (5, "100% count step 5")


async def test_a_job_that_failed_in_part_says_so_in_its_first_line(
    with_jobs: FumehoodServer,
) -> None:
    async with Client(with_jobs) as client:
        started = await ask(client, "start_half_job")
        result = await client.call_tool("wait_for_job", {"job_id": started["job_id"]})
        listed = await ask(client, "list_jobs")
    first, why, *_ = text_of(result).splitlines()
    assert "succeeded" in first and "6 of 12 SAEs FAILED: topk seed 0; 6 SAEs trained" in first
    assert why == "- 6 x (quoted): no"
    assert listed["jobs"][0]["progress"].startswith("6 of 12 SAEs FAILED")


async def test_a_job_that_failed_sends_to_its_log(
    settings: Settings, with_jobs: FumehoodServer
) -> None:
    with contextlib.closing(JobStore(settings.state)) as store:
        argv = [sys.executable, "-c", "import sys; sys.exit('the reason')"]
        job_id = store.submit("test", argv, title="fails", cwd=None).job_id
    async with Client(with_jobs) as client:
        ended = await ask(client, "wait_for_job", job_id=job_id)
        assert ended["status"] == "failed"
        assert ended["next"].startswith("Call read_job_log with this job_id")
        log = await ask(client, "read_job_log", job_id=job_id)
    assert any("the reason" in line for line in log["untrusted_lines"])


async def test_a_wait_that_is_too_short_returns_the_state_and_says_to_wait_on(
    with_jobs: FumehoodServer, tmp_path: Path, era: str
) -> None:
    async with Client(with_jobs, mode=era) as client:
        started = await ask(client, "start_test_job", gate=str(tmp_path / "gate"))
        began = anyio.current_time()
        job = await ask(client, "wait_for_job", job_id=started["job_id"], max_seconds=0)
        assert anyio.current_time() - began < 2
        (tmp_path / "gate").touch()
        ended = await ask(client, "wait_for_job", job_id=started["job_id"])
    assert job["status"] in ("queued", "starting", "running")
    assert "Call wait_for_job again" in job["next"]
    assert ended["status"] == "succeeded"


async def test_a_wait_never_lasts_longer_than_clients_allow(
    with_jobs: FumehoodServer,
) -> None:
    async with Client(with_jobs) as client:
        result = await client.call_tool("wait_for_job", {"job_id": "x", "max_seconds": 60})
    assert result.is_error and "less than or equal to 45" in text_of(result)


async def test_a_cancelled_wait_leaves_the_job_alone(
    with_jobs: FumehoodServer, tmp_path: Path, era: str
) -> None:
    async with Client(with_jobs, mode=era) as client:
        started = await ask(client, "start_test_job", gate=str(tmp_path / "gate"))
        with anyio.move_on_after(0.5) as scope:
            await client.call_tool("wait_for_job", {"job_id": started["job_id"]})
        assert scope.cancelled_caught
        (tmp_path / "gate").touch()
        job = await ask(client, "wait_for_job", job_id=started["job_id"])
    assert job["status"] == "succeeded"


async def test_the_server_answers_others_while_one_waits(
    with_jobs: FumehoodServer, tmp_path: Path
) -> None:
    async with Client(with_jobs) as client:
        started = await ask(client, "start_test_job", gate=str(tmp_path / "gate"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "wait_for_job", {"job_id": started["job_id"]})
            with anyio.fail_after(5):
                listed = await ask(client, "list_jobs")
            (tmp_path / "gate").touch()
    assert [job["job_id"] for job in listed["jobs"]] == [started["job_id"]]


async def test_a_log_is_marked_as_quotation(
    with_jobs: FumehoodServer, tmp_path: Path, era: str
) -> None:
    (tmp_path / "gate").touch()
    async with Client(with_jobs, mode=era) as client:
        started = await ask(client, "start_test_job", gate=str(tmp_path / "gate"))
        await ask(client, "wait_for_job", job_id=started["job_id"])
        result = await client.call_tool("read_job_log", {"job_id": started["job_id"]})
        none = await ask(client, "read_job_log", job_id=started["job_id"], contains="absent")
    log: Any = result.structured_content
    assert "the worker says hello" in log["untrusted_lines"]
    said = text_of(result)
    assert f"{UNTRUSTED}\n| " in said and "\n| the worker says hello" in said
    assert none["untrusted_lines"] == []


async def test_a_flood_of_log_fits_into_one_answer_without_losing_a_line(
    with_jobs: FumehoodServer,
) -> None:
    async with Client(with_jobs) as client:
        started = await ask(client, "start_noisy_job")
        await ask(client, "wait_for_job", job_id=started["job_id"])
        result = await client.call_tool(
            "read_job_log", {"job_id": started["job_id"], "limit_lines": 150}
        )
    log: Any = result.structured_content
    assert len(log["untrusted_lines"]) == 150 and "cut" not in log
    assert len(text_of(result)) < 20_000 and "\x1b" not in text_of(result)


async def test_cancelling_stops_a_job_and_says_what_then(
    with_jobs: FumehoodServer, tmp_path: Path, era: str
) -> None:
    async with Client(with_jobs, mode=era) as client:
        started = await ask(client, "start_test_job", gate=str(tmp_path / "gate"))
        await ask(client, "cancel_job", job_id=started["job_id"])
        job = await ask(client, "wait_for_job", job_id=started["job_id"])
    assert job["status"] == "cancelled" and "start it again" in job["next"]


async def test_jobs_are_listed_newest_first_page_by_page(
    with_jobs: FumehoodServer, tmp_path: Path
) -> None:
    (tmp_path / "gate").touch()
    async with Client(with_jobs) as client:
        made = [
            (await ask(client, "start_test_job", gate=str(tmp_path / "gate")))["job_id"]
            for _ in range(3)
        ]
        for job_id in made:
            await ask(client, "wait_for_job", job_id=job_id)
        first = await ask(client, "list_jobs", limit=2)
        rest = await ask(client, "list_jobs", limit=2, cursor=first["next_cursor"])
        failed = await ask(client, "list_jobs", status="failed")
    assert [job["job_id"] for job in first["jobs"] + rest["jobs"]] == made[::-1]
    assert first["total"] == 3 and rest["next_cursor"] is None and failed["total"] == 0


async def test_a_list_without_jobs_of_a_status_says_so(with_jobs: FumehoodServer) -> None:
    async with Client(with_jobs) as client:
        everything = await client.call_tool("list_jobs", {})
        some = await client.call_tool("list_jobs", {"status": "running"})
    assert text_of(everything).startswith("There are no jobs.")
    assert text_of(some) == "No job is running. Call list_jobs without status to see all jobs."


@pytest.mark.parametrize("tool", ["wait_for_job", "read_job_log", "cancel_job"])
async def test_an_unknown_job_names_the_way_to_find_one(
    with_jobs: FumehoodServer, tool: str
) -> None:
    async with Client(with_jobs) as client:
        result = await client.call_tool(tool, {"job_id": "nope"})
    assert result.is_error and text_of(result).startswith("unknown_name: No job 'nope'")
    assert "list_jobs" in text_of(result)
