"""Where run_variants may train, through a client: what no target does is refused before a job."""

import pytest
from mcp import Client
from mcp.types import TextContent

from fumehood.app import build_server
from fumehood_tools.pods.configured import HOSTS_FILE
from fumehood_tools.settings import Settings, load_settings

pytestmark = pytest.mark.anyio


async def test_skypilot_is_refused_where_scores_are_wanted_on_other_machines(
    settings: Settings,
) -> None:
    settings.workspace.mkdir()
    hosts = '[lab]\naddress = "gpu1.example.org"\n'
    (settings.workspace / HOSTS_FILE).write_text(hosts, encoding="utf-8")
    own = {"FUMEHOOD_POD_SCORING": "there"}
    there = load_settings(settings.workspace, {**settings.as_environment(), **own})
    run = {"variants": ["topk"], "target": "skypilot", "sky": {"bucket": "s3://mine"}}
    async with Client(build_server(there)) as client:
        answer = await client.call_tool("run_variants", {**run, "sandbox": "x"})
        jobs = await client.call_tool("list_jobs", {})
    assert answer.is_error and isinstance(answer.content[0], TextContent)
    assert "Set it to here for this run" in answer.content[0].text
    assert (jobs.structured_content or {})["jobs"] == []
