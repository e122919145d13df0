"""A server that withholds tools does not send an agent to them, and says why they are missing."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, TextContent

from fumehood.app import build_server
from fumehood.offered import Offered
from fumehood.wings import WINGS
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.anyio

ALL = {tool for wing in WINGS for tool in wing.tools}
READING: dict[str, dict[str, Any]] = {
    "list_jobs": {},
    "wait_for_job": {"job_id": "nope", "max_seconds": 0},
    "read_job_log": {"job_id": "nope"},
    "list_variants": {"sandbox": "there"},
    "read_benchmarks": {"sandbox": "there"},
    "compare_variants": {"sandbox": "there"},
    "compare_papers": {"papers": ["2309.08600", "2310.01405"]},
    "search_paper_text": {"query": "dictionary"},
}


def text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def named_in(text: str) -> set[str]:
    return set(re.findall(r"\b[a-z_]+\b", text)) & ALL


async def test_every_wing_declares_the_tools_that_its_door_registers(settings: Settings) -> None:
    for wing in WINGS:
        async with Client(build_server(settings, [wing.name])) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == set(wing.tools)


@pytest.mark.child
@pytest.mark.parametrize(
    ("toolsets", "read_only"), [(None, True), (["jobs"], False), (["bench", "sandbox"], True)]
)
async def test_no_text_names_a_tool_that_is_not_offered(
    settings: Settings, toolsets: list[str] | None, read_only: bool
) -> None:
    create_sandbox(settings, "there", subject="synthetic")
    calls = [
        *READING.items(),
        ("list_variants", {"sandbox": "nope"}),
        ("check_variant", {"sandbox": "there", "variant": "nope"}),
        ("no_such_tool", {}),
    ]
    async with Client(build_server(settings, toolsets, read_only)) as client:
        tools = (await client.list_tools()).tools
        offered = {tool.name for tool in tools}
        for tool in tools:
            said = f"{tool.description} {json.dumps(tool.input_schema)}"
            assert named_in(said) <= offered, tool.name
            assert tool.description
        for name, arguments in calls:
            if name in offered or name == "no_such_tool":
                result = await client.call_tool(name, arguments)
                said = text_of(result) + json.dumps(result.structured_content)
                assert named_in(said) <= offered, f"{name}: {said}"


async def test_a_tool_that_is_withheld_is_said_to_exist(settings: Settings) -> None:
    async with Client(build_server(settings, read_only=True)) as client:
        result = await client.call_tool("run_variants", {"sandbox": "a", "variants": ["topk"]})
    assert result.is_error
    assert "run_variants exists, but this server was started with --read-only" in text_of(result)
    async with Client(build_server(settings, ["papers"])) as client:
        result = await client.call_tool("list_jobs", {})
    assert "list_jobs exists, but this server was started without the toolset jobs" in text_of(
        result
    )


def test_only_the_clause_that_names_a_missing_tool_is_left_out() -> None:
    offered = Offered({"write": "it was withheld"})
    assert offered.text("Next: read, then write.") == "Next: read."
    assert offered.text("Next: write, or read.") == "Next: read."
    assert offered.text("No file. Make it with write.") == "No file."
    assert offered.text("Then write it.\nnext line") == "next line"
    assert offered.text("| write, quoted\nrewrite it.") == "| write, quoted\nrewrite it."
    assert offered.structure({"next": "write it.", "name": "write"}) == {
        "next": "Nothing here: it was withheld.",
        "name": "write",
    }
    assert offered.text("Next: write it.") == "Next: Nothing here: it was withheld."


@pytest.mark.parametrize("used", [False, True])
async def test_a_read_only_server_creates_nothing(settings: Settings, used: bool) -> None:
    if used:
        create_sandbox(settings, "there", subject="synthetic")
    before = tree(settings.workspace)
    async with Client(build_server(settings, read_only=True)) as client:
        for name, arguments in READING.items():
            await client.call_tool(name, arguments)
    assert tree(settings.workspace) == before and settings.workspace.exists() == used


def tree(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


async def test_an_unknown_prompt_is_refused_as_a_wrong_argument(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(build_server(settings)) as client:
        with pytest.raises(MCPError, match="No prompt 'nope'") as refused:
            await client.get_prompt("nope")
    assert refused.value.error.code == -32602
    assert "Traceback" not in caplog.text
