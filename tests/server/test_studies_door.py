"""A study through a real client and server."""

from typing import Any

import pytest
from mcp import Client
from mcp.types import ResourceTemplateReference

from fumehood.app import build_server
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.anyio]


async def call(client: Client, tool: str, **arguments: Any) -> tuple[str, Any]:
    """Return text and structure of a call."""
    result = await client.call_tool(tool, arguments)
    text = result.content[0].text  # type: ignore[union-attr]
    return ("ERROR " if result.is_error else "") + text, result.structured_content


async def test_a_study_is_opened_read_completed_and_offered_as_a_resource(
    settings: Settings,
) -> None:
    async with Client(build_server(settings)) as client:
        text, page = await call(
            client,
            "open_study",
            study="threshold",
            question="Does a learned threshold help at equal L0?",
            background=["paper arxiv:2407.14435"],
            budget={"saes": 40},
        )
        assert page["budget"] == "40 SAEs"
        assert "plan_experiment" in page["next"]
        text, page = await call(client, "read_study", study="threshold", detail="full")
        assert "arxiv:2407.14435" in text
        again, _ = await call(client, "open_study", study="threshold", question="?")
        assert again.startswith("ERROR")
        assert "read_study" in again
        found = await client.complete(
            ResourceTemplateReference(type="ref/resource", uri="study://{study}"),
            {"name": "study", "value": "thr"},
        )
        assert found.completion.values == ["threshold"]
        resource = await client.read_resource("study://threshold")
        assert "learned threshold" in resource.contents[0].text  # type: ignore[union-attr]


async def test_quotes_in_the_background_of_a_study_are_checked_against_their_source(
    settings: Settings,
) -> None:
    settings.workspace.mkdir(parents=True, exist_ok=True)
    asked = {"study": "s", "question": "Does it help?"}
    async with Client(build_server(settings)) as client:
        for item in (
            'quote:arxiv:2407.14435 "JumpReLU is the best"',
            'They say {{quote:arxiv:2407.14435 "it is the best"}}.',
            "{{mean:box/topk#explained_variance}} is known.",
            "quote:arxiv:2407.14435 it is the best",
        ):
            said, _ = await call(client, "open_study", **asked, background=["known", item])
            assert said.startswith("ERROR") and "background 2:" in said, said
        said, _ = await call(client, "open_study", **asked, background=["arxiv:2407.14435 (why)"])
        assert said.startswith("Study s")


@pytest.mark.child
@pytest.mark.slow
async def test_a_checked_variant_leads_to_a_plan_while_a_study_is_open(settings: Settings) -> None:
    create_sandbox(settings, "box", subject="synthetic", dict_size=64)
    async with Client(build_server(settings)) as client:
        await call(client, "open_study", study="s", question="Does it help?")
        _, report = await call(client, "check_variant", sandbox="box", variant="topk")
        assert "plan_experiment(study='s', sandbox='box', variants=['topk']" in report["next"]
        assert report["next"].startswith("run_variants(")


async def test_a_notebook_that_cannot_be_written_is_a_problem_and_loses_no_answer(
    settings: Settings,
) -> None:
    (settings.workspace / "studies" / "s" / "notebook.md" / "x").mkdir(parents=True)
    async with Client(build_server(settings)) as client:
        said, page = await call(client, "open_study", study="s", question="Does it help?")
        assert not said.startswith("ERROR") and "notebook.md" in page["problems"][0]
        said, found = await call(
            client,
            "record_reflection",
            study="s",
            insight="Nothing yet.",
            next_step="Go on.",
            evidence=["entry:1"],
        )
        assert found["entries"] == [2], said


async def test_the_holdout_and_a_test_elsewhere_say_what_is_missing_before_they_start(
    settings: Settings,
) -> None:
    async with Client(build_server(settings)) as client:
        await call(client, "open_study", study="s", question="Does it help?")
        for tool, more in (("ask_holdout", {}), ("promote_variant", {"variant": "mine"})):
            said, _ = await call(client, tool, study="s", plan=7, **more)
            assert said.startswith("ERROR") and "read_study" in said
        jobs, _ = await call(client, "list_jobs")
        assert "0 jobs" in jobs or "no job" in jobs.lower()
