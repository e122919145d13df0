"""run_evaluations through the server: a dry run, and what it says before there is a score."""

import pytest
from mcp import Client
from mcp.types import TextContent

from fumehood.app import build_server
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.anyio

GOOD = """METRICS = {"mean": {"title": "mean", "better": "none"}}


def evaluate(latents, context):
    return {"mean": float(latents.value.mean())}
"""
BAD = GOOD.replace('return {"mean"', 'return {"median"')


def said(content: object) -> str:
    assert isinstance(content, TextContent)
    return content.text


@pytest.mark.child
async def test_a_dry_run_tells_what_each_file_returns(settings: Settings) -> None:
    box = create_sandbox(settings, "box", subject="synthetic")
    folder = box.folder / "evaluations"
    folder.mkdir()
    (folder / "good.py").write_text(GOOD, encoding="utf-8")
    (folder / "bad.py").write_text(BAD, encoding="utf-8")
    arguments = {"sandbox": "box", "evaluations": ["good", "bad"], "dry_run": True}
    async with Client(build_server(settings)) as client:
        found = await client.call_tool("run_evaluations", arguments)
    text = said(found.content[0])
    assert "good: ok in" in text and "bad: declared_metrics: evaluate returned median" in text
    assert found.structured_content and found.structured_content["evaluations"] == ["good", "bad"]


ERRORS = {
    "sae-bench:scr": "LabHC/bias_in_bios",
    "latent_sensus": "Did you mean 'latent_census'",
    "latent_census": "There is no score in box to evaluate. Call run_variants",
}


@pytest.mark.parametrize("name", ERRORS)
async def test_what_cannot_be_evaluated_is_refused_with_the_next_step(
    settings: Settings, name: str
) -> None:
    create_sandbox(settings, "box", subject="synthetic")
    async with Client(build_server(settings)) as client:
        found = await client.call_tool("run_evaluations", {"sandbox": "box", "evaluations": [name]})
    assert found.is_error and ERRORS[name] in said(found.content[0])
