"""validate_sandbox over MCP: reading answers at once, and everything else is a job."""

from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import TextContent

from fumehood.app import build_server
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.child, pytest.mark.anyio]


async def _called(client: Client, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    result = await client.call_tool(tool, arguments)
    [content] = result.content
    assert isinstance(content, TextContent) and not result.is_error, result
    return content.text, result.structured_content or {}


async def _cancelled(client: Client) -> None:
    """Cancel the first job as soon as there is one."""
    with anyio.fail_after(60):
        while not (jobs := (await _called(client, "list_jobs"))[1]["jobs"]):
            await anyio.sleep(0.1)
    await _called(client, "cancel_job", job_id=jobs[0]["job_id"])


async def test_a_fork_is_validated_and_its_faults_come_with_remedies(settings: Settings) -> None:
    async with Client(build_server(settings)) as client:
        made = {"subject": "synthetic", "dict_size": 64}
        await _called(client, "create_sandbox", name="first", **made)
        text, told = await _called(client, "create_sandbox", name="mine", source="first")
        assert "validate_sandbox(sandbox='mine')" in told["next"] and told["next"] in text
        (settings.sandboxes / "mine" / "notes.txt").write_text("mine", encoding="utf-8")
        asked = {"sandbox": "mine", "budget": "read", "sarif": True}
        text, told = await _called(client, "validate_sandbox", **asked)
        assert not told.get("passes") and len(told["results"]) == 26
        [fault] = (one for one in told["results"] if one["state"] == "failed")
        assert fault["number"] == "8.2" and fault["remedy"] in text
        assert fault["faults"] == ["notes.txt: No document names it."]
        assert (settings.workspace / told["sarif"]).is_file() and told["sarif"] in text
        _, jobs = await _called(client, "list_jobs")
        assert jobs["total"] == 0, "reading needs no job"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancelled, client)
            result = await client.call_tool("validate_sandbox", {"sandbox": "mine"})
        assert result.is_error and "cancelled" in str(result.content)


async def test_a_sandbox_with_its_own_evaluation_takes_the_usual_tools(settings: Settings) -> None:
    async with Client(build_server(settings)) as client:
        text, _ = await _called(client, "create_sandbox", name="steer", source="steering")
        assert "its own interface and evaluation" in text and "dictionary" not in text
        text, listed = await _called(client, "list_variants", sandbox="steer")
        assert listed["total"] == 5 and not any(one["problem"] for one in listed["variants"])
        controls = {one["name"] for one in listed["variants"] if one["is_control"]}
        assert controls == {"random_direction", "zero"}
        assert "- zero (control, " in text and "- whitened (baseline, " in text, text
        _, told = await _called(client, "check_variant", sandbox="steer", variant="whitened")
        assert told["ok"]
        beside = ["mean_difference", "principal", "random_direction", "zero"]
        assert told["next"] == f"run_variants(sandbox='steer', variants={['whitened', *beside]})"
        asked = {"sandbox": "steer", "variants": ["whitened"], "l0_targets": [32]}
        refused = await client.call_tool("run_variants", asked)
        assert refused.is_error and "variants and seeds only" in str(refused.content)
        refused = await client.call_tool("compare_variants", {"sandbox": "steer"})
        assert refused.is_error and "Next: run_variants(" in str(refused.content)
        text, told = await _called(client, "validate_sandbox", sandbox="steer", budget="read")
        assert not [one for one in told["results"] if one["state"] == "failed"], text
