"""Hunts through real clients and servers: off unless named, and counted over servers."""

import json
import subprocess
import sys
from typing import Any

import pytest
from fakes.hunters import find_planted
from fakes.planted_sae import put_planted_sae
from mcp import Client

from fumehood.app import build_server
from fumehood_tools.hunts.messages import ActiveLatent
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.anyio
TOOLS = {"open_hunt", "probe_latents", "answer_hunt"}


async def call(client: Client, tool: str, **arguments: Any) -> tuple[str, Any]:
    """Return text and structure of a call."""
    result = await client.call_tool(tool, arguments)
    text = result.content[0].text  # type: ignore[union-attr]
    return ("ERROR " if result.is_error else "") + text, result.structured_content


async def test_hunts_are_off_until_the_toolset_is_named(settings: Settings) -> None:
    server = build_server(settings)
    assert "open_hunt" not in (server.instructions or "")
    async with Client(server) as client:
        assert not TOOLS & {tool.name for tool in (await client.list_tools()).tools}
        said, _ = await call(client, "open_hunt", hunt="h", sae="box/standard")
        assert "open_hunt exists, but" in said and "with the toolset hunt" in said
    for toolsets in (["hunt", "jobs"], ["all"]):
        named = build_server(settings, toolsets)
        assert "open_hunt:" in (named.instructions or "")
        async with Client(named) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} >= TOOLS


async def test_a_hunt_says_what_is_missing_before_anything_is_started(settings: Settings) -> None:
    async with Client(build_server(settings, ["hunt"])) as client:
        said, _ = await call(client, "open_hunt", hunt="h")
        assert said.startswith("ERROR unknown_name: No hunt 'h'")
        said, _ = await call(client, "open_hunt", hunt="h", sae="box/topk")
        assert "No scored SAE 'box/topk'" in said
        said, _ = await call(client, "probe_latents", hunt="h", repeat=1, latent=1)
        assert "No hunt 'h'" in said
        said, _ = await call(client, "answer_hunt", hunt="h", repeat=4, latent=1)
        assert said.startswith("ERROR") and "repeat" in said


@pytest.mark.child
@pytest.mark.slow
async def test_a_hunt_goes_on_on_a_second_server_and_is_scored_by_a_job(
    settings: Settings, environ: dict[str, str]
) -> None:
    latents = put_planted_sae(settings)
    async with Client(build_server(settings, ["hunt", "jobs"])) as client:
        said, page = await call(client, "open_hunt", hunt="h", sae="box/standard", questions=7)
        assert len(page["concepts"]) == 3, said
    asked = json.dumps({"hunt": "h", "repeat": 1, "latent": 3})
    done = subprocess.run(
        [sys.executable, "-m", "fumehood", "call", "probe_latents", asked],
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0 and json.loads(done.stdout)["left"] == 6, done.stderr
    async with Client(build_server(settings, ["hunt", "jobs"])) as client:
        for repeat, told in enumerate(page["concepts"], 1):
            active: list[list[ActiveLatent]] = []
            listed = told[told.index("[") + 1 : told.index("]")]
            for token in map(int, listed.split(",")):
                _, found = await call(
                    client, "probe_latents", hunt="h", repeat=repeat, tokens=[token]
                )
                active.append([ActiveLatent.model_validate(one) for one in found["latents"]])
            rows = iter(active)
            latent = find_planted(told, lambda tokens, rows=rows: next(rows))
            assert latent in latents.values()
            said, after = await call(client, "answer_hunt", hunt="h", repeat=repeat, latent=latent)
        for _ in range(20):
            _, job = await call(client, "wait_for_job", job_id=after["job_id"], max_seconds=30)
            if job["status"] not in ("queued", "starting", "running"):
                break
        said, page = await call(client, "open_hunt", hunt="h")
        assert page["score"] > 0.8 and "The hunt is over" in said, said
