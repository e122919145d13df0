"""A run that has to wait says what it will read when it starts."""

from typing import Any

import pytest
from mcp import Client
from mcp.types import TextContent

from fumehood.app import build_server
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.child, pytest.mark.anyio]


async def test_a_queued_run_says_that_it_reads_the_files_when_it_starts(settings: Settings) -> None:
    create_sandbox(settings, "box", subject="synthetic", dict_size=256)
    answers: list[tuple[str, Any]] = []
    async with Client(build_server(settings)) as client:
        for seed in (0, 1):
            arguments = {"sandbox": " box ", "variants": ["topk"], "seeds": [seed]}
            result = await client.call_tool("run_variants", arguments)
            [content] = result.content
            assert isinstance(content, TextContent) and not result.is_error, result
            answers.append((content.text, result.structured_content))
        read = await client.call_tool("read_benchmarks", {"sandbox": "box"})
        told = read.structured_content or {}
        for _, data in answers:
            await client.call_tool("cancel_job", {"job_id": f" {data['job_id']}\n"})
    (first, before), (second, data) = answers
    assert told["warnings"][0].startswith("A run of this sandbox has not ended")
    assert before["job_id"] in told["warnings"][0] and data["job_id"] in told["next"]
    assert data["queue_position"] == 1 and data["note"] in second
    assert "variants/ when it starts" in second and "variants/ when it starts" not in first
