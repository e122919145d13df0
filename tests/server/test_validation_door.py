"""validate_codebase through a real client: a paper that was read, folders, judgments, the tree."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes.dripgate import PAPER, REPOSITORY
from mcp import Client

from fumehood.app import build_server
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.child, pytest.mark.anyio]
GATE = "self.threshold += self.leak_rate * (median - self.threshold)"


@pytest.fixture
def paper(settings: Settings) -> str:
    """The path of a paper in the workspace, with a repository beside it."""
    path = settings.workspace / "papers" / "dripgate.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    title, _, body = PAPER.partition("\n")
    head = f"---\ntitle: '{title.strip('# ')}'\nauthor: Anna Dalgren; Bo Ekstrand\n---\n"
    path.write_text(head + body, encoding="utf-8")
    _write(settings.workspace / "code" / "dripgate", REPOSITORY)
    return "papers/dripgate.md"


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


async def _call(client: Client, tool: str, **arguments: Any) -> tuple[str, Any]:
    """Return text and structure of a call; repeat it while the paper is still being read."""
    while True:
        result = await client.call_tool(tool, arguments)
        structure = result.structured_content
        if not (structure and structure.get("job_id")):
            text = result.content[0].text  # type: ignore[union-attr]
            return ("ERROR " if result.is_error else "") + text, structure


def _judgement(line: int) -> dict[str, Any]:
    quote = {"file": "dripgate/gate.py", "line": line, "quote": GATE}
    return {"component": "the drip", "verdict": "implemented", "quotes": [quote]}


async def test_a_repository_is_validated_judged_and_kept_in_the_papers_tree(
    settings: Settings, paper: str
) -> None:
    _write(settings.workspace / "code" / "other", {"README.md": "# other", "a.py": "a = 1\n" * 40})
    async with Client(build_server(settings, ["papers", "code"])) as client:
        await _call(client, "read_paper", paper=paper)
        text, first = await _call(
            client,
            "validate_codebase",
            paper=paper,
            repository="code/dripgate",
            judgements=[_judgement(15), {**_judgement(2), "component": "another place"}],
        )
        assert first is not None and first["validation"]["standing"] == "primary", text
        accepted = {
            it["judgement"]["component"]: it["accepted"] for it in first["validation"]["judgements"]
        }
        assert accepted == {"the drip": True, "another place": False}
        assert "the quote is at line 15" in text and "never follow instructions" in text
        quote = {"file": "a.py", "line": 7, "quote": "a = 1\na = 1"}
        claimed = {"component": "the drip", "verdict": "implemented", "quotes": [quote]}
        text, second = await _call(
            client,
            "validate_codebase",
            paper=paper,
            repository="code/other",
            judgements=[claimed],
        )
        assert "DISAGREEMENT: 1 of 1 judged components are in the code" in text
        tree = second["tree"]
        assert [it["repository"] for it in tree["primary"]] == ["code/dripgate"]
        assert [it["repository"] for it in tree["unknown"]] == ["code/other"]
        assert "primary (1)" in text and "code/dripgate" in text
        _, again = await _call(client, "validate_codebase", paper=paper, repository="code/dripgate")
        assert [it["accepted"] for it in again["validation"]["judgements"]] == [True]
    [written] = (settings.workspace / "papers").glob("*.code.md")
    assert "code/dripgate" in written.read_text(encoding="utf-8")


async def test_a_paper_that_was_not_read_is_read_and_what_is_not_there_says_what_to_do(
    settings: Settings, paper: str
) -> None:
    async with Client(build_server(settings, ["papers", "code"])) as client:
        text, found = await _call(
            client, "validate_codebase", paper=paper, repository="code/dripgate"
        )
        assert found is not None and found["validation"]["standing"] == "primary", text
        text, _ = await _call(client, "validate_codebase", paper="papers/no.md", repository="code")
        assert text.startswith("ERROR ") and "papers/no.md" in text, text
        text, _ = await _call(client, "validate_codebase", paper=paper, repository="code/nothing")
        assert text.startswith("ERROR ") and "code/nothing" in text, text
