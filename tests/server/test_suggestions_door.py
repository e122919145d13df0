"""Suggestions through a real client and server."""

from typing import Any

import pytest
from mcp import Client

from fumehood.app import build_server
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import Note, StudyOpened
from fumehood_tools.studies.notebook import append, create_study

pytestmark = [pytest.mark.anyio]
WHEN = "2026-11-30T00:00:00+00:00"


async def call(client: Client, **arguments: Any) -> tuple[str, Any]:
    """Return text and structure of the answer about the study `threshold`."""
    asked = {"study": "threshold", **arguments}
    result = await client.call_tool("suggest_experiments", asked)
    text = result.content[0].text  # type: ignore[union-attr]
    return ("ERROR " if result.is_error else "") + text, result.structured_content


@pytest.fixture
def opened(settings: Settings) -> Settings:
    """Settings of a workspace with one study, in which one idea failed."""
    opened = StudyOpened(question="Does it help?", written=WHEN)
    create_study(settings.workspace, "threshold", opened)
    failed = Note(kind="failed idea", text="entropy bonus: all latents died", written=WHEN)
    append(settings.workspace, "threshold", failed)
    return settings


async def test_the_short_answer_has_every_part_that_needs_no_argument(opened: Settings) -> None:
    async with Client(build_server(opened)) as client:
        text, found = await call(client, agent=3)
    assert set(found["total"]) == {"next", "failures", "hints"}
    assert "entropy bonus" in text
    assert "untrusted" in text
    assert text.index("Next experiments") < text.index("What failed") < text.index("could start")
    assert found["next"] in text


async def test_a_part_that_cannot_be_answered_is_a_note_in_short_and_an_error_alone(
    opened: Settings,
) -> None:
    async with Client(build_server(opened)) as client:
        text, found = await call(client, variant="mine")
        assert "parameters: There is no sandbox yet. Call create_sandbox." in found["notes"]
        text, _ = await call(client, variant="mine", about="parameters")
        assert text.startswith("ERROR")
        text, _ = await call(client, study="none")
        assert text.startswith("ERROR")
        text, _ = await call(client, about="failures", cursor="zzz")
        assert "Invalid cursor" in text


async def test_a_read_only_server_answers_too_and_writes_nothing(opened: Settings) -> None:
    before = sorted(opened.workspace.rglob("*"))
    async with Client(build_server(opened, read_only=True)) as client:
        _, found = await call(client, about="hints")
    assert found["total"] == {"hints": 4}
    assert sorted(opened.workspace.rglob("*")) == before
