"""Files, folders and blocks as they occur in what agents are told elsewhere."""

from pathlib import Path
from typing import Any

import pytest
from fakes.planted_guide import write_environment
from mcp import Client

from fumehood.app import build_server
from fumehood_tools.glass import available_levels
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.anyio]
walled = pytest.mark.skipif(
    available_levels() == ("rlimits",), reason="needs Landlock or bubblewrap"
)
BLOCKS = {
    "import collections\ncollections.Mapping": ("api_changed", "no attribute 'Mapping'"),
    "from collections import Mapping": ("api_changed", "cannot import name 'Mapping'"),
    "exit(3)": ("killed", "SystemExit: 3"),
    "quit('enough')": ("killed", "SystemExit: enough"),
    "exit()": ("passed", ""),
    "import math\nhelp(math.sqrt)": ("passed", ""),
    (
        "import asyncio\n\nasync def main():\n    return await asyncio.to_thread(lambda: 5)\n\n"
        "print(asyncio.run(main()))\n```\n```output\n5"
    ): ("passed", ""),
    "import os\nos.environ['MOSS_KEY']": ("context_missing", "environment variable MOSS_KEY"),
    "import os\nos.environ['MOSS'] = 'green'\nos.environ['MOSS']": ("passed", ""),
    "{}['moss']": ("failed", "KeyError: 'moss'"),
    "open('/moss/results.txt', 'w')": ("writes_outside", "'/moss/results.txt'"),
    "import os\nos.remove('/moss/results.txt')": ("writes_outside", "'/moss/results.txt'"),
    "open('/moss/data.csv')": ("context_missing", "'/moss/data.csv'"),
    "open('moss/data.csv', 'w')": ("context_missing", "'moss/data.csv'"),
    "from pathlib import Path\nPath('moss').mkdir()\nPath('moss/a').write_text('a')": (
        "passed",
        "",
    ),
}


def _write(settings: Settings, name: str, text: str) -> Path:
    path = settings.workspace / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _page(*codes: str) -> str:
    return "# Moss\n" + "".join(f"\n```python\n{code}\n```\n" for code in codes)


async def _call(client: Client, tool: str, **arguments: Any) -> tuple[str, Any]:
    result = await client.call_tool(tool, arguments)
    text = result.content[0].text  # type: ignore[union-attr]
    return ("ERROR " if result.is_error else "") + text, result.structured_content


@walled
@pytest.mark.child
async def test_a_block_is_blamed_for_what_it_does_and_not_for_where_it_runs(
    settings: Settings,
) -> None:
    write_environment(settings.workspace / "venv")
    _write(settings, "odd.md", _page(*BLOCKS))
    async with Client(build_server(settings, ["guides"])) as client:
        text, page = await _call(
            client, "check_guide", guide="odd.md", environment="venv", block_seconds=20, limit=50
        )
    found = {block["number"]: block for block in page["blocks"]}
    for number, (code, (outcome, why)) in enumerate(BLOCKS.items(), 1):
        assert found[number]["outcome"] == outcome, (code, found[number])
        assert why in found[number]["why"], (code, found[number])
    assert text.count("passed [Moss]") == 5


@walled
@pytest.mark.child
async def test_a_guide_of_a_wrong_form_does_not_pass_and_the_other_files_of_a_skill_are_named(
    settings: Settings, tmp_path: Path
) -> None:
    write_environment(settings.workspace / "venv")
    skill = _write(settings, "skills/moss/SKILL.md", "---\nname: moss\n---\n# Moss\n").parent
    _write(settings, "skills/moss/references/grow.md", _page("x = 1"))
    _write(settings, "skills/moss/references/prose.md", "# Moss\n")
    outside = tmp_path / "outside.md"
    outside.write_text(_page("x = 1"), encoding="utf-8")
    (skill / "references" / "linked.md").symlink_to(outside)
    _write(
        settings, "half.md", "---\npackage: moss\nversion: 1\n---\n# Moss\n" + _page("x = 1")[6:]
    )
    async with Client(build_server(settings, ["guides"])) as client:
        text, page = await _call(client, "check_guide", guide="half.md", environment="venv")
        assert (
            page["counts"] == {"passed": 1} and "half.md:1: front matter" in page["format_problem"]
        )
        assert "passes" not in page and "half.md: does not pass." in text
        text, page = await _call(client, "check_guide", guide="skills/moss", environment="venv")
        assert page["other_files"] == ["skills/moss/references/grow.md"]
        assert "not checked. Pass\n  guide='skills/moss/references/grow.md'" in text


async def test_an_address_and_a_folder_are_refused_with_what_to_pass(settings: Settings) -> None:
    _write(settings, "docs/a.md", "# A\n")
    (settings.workspace / "empty").mkdir()
    (settings.workspace / "wide.md").write_bytes("# A\n".encode("utf-16"))
    async with Client(build_server(settings, ["guides"])) as client:
        text, _ = await _call(client, "check_guide", guide="https://example.com/SKILL.md")
        assert "is an address, and nothing is downloaded here. Save the file" in text
        text, _ = await _call(client, "check_guide", guide="docs")
        assert "docs is a folder without SKILL.md and README.md. It has a.md. Pass" in text
        text, _ = await _call(client, "check_guide", guide="empty")
        assert "It has no .md files." in text
        text, _ = await _call(client, "check_guide", guide="wide.md")
        assert "wide.md is not text in UTF-8. Save it as UTF-8" in text
        text, page = await _call(
            client,
            "read_guide",
            package="sae-bench",
            task="write an SAE that SAE-bench can score",
        )
        assert page["task"] == "write-an-sae-that-sae-bench-can-score", text
