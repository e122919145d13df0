"""The tool list is an API: the committed schemas must match it, and it must follow the rules."""

import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client
from mcp.types import Tool

from fumehood.app import build_server
from fumehood.wings import WINGS
from fumehood_tools.registry.declared import metrics_of, use_declared
from fumehood_tools.registry.lookup import judged_metrics
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.anyio

TOOLSETS = [wing.name for wing in WINGS]
SCHEMAS = Path(__file__).with_name("tool_schemas.json")
PAGE = SCHEMAS.parents[2] / "docs" / "tools.md"
HEAVY = ("torch", "numpy", "transformers", "matplotlib", "pandas", "PIL", "scipy", "sklearn")

LIST_IN_A_FRESH_PROCESS = """
import sys, anyio
from mcp import Client
from fumehood.app import build_server
from fumehood_tools.settings import load_settings
async def main():
    async with Client(build_server(load_settings())) as client:
        assert (await client.list_tools()).tools
anyio.run(main)
print(*(name for name in sys.argv[1:] if name in sys.modules))
"""


async def tools_of(
    settings: Settings, era: str = "auto", toolsets: list[str] | None = TOOLSETS
) -> list[Tool]:
    """Return the tools of these toolsets: default: all of them, also those that are off at first.

    None: what a server offers where nothing is configured.
    """
    async with Client(build_server(settings, toolsets), mode=era) as client:
        return (await client.list_tools()).tools


async def test_tool_schemas_match_the_committed_ones(settings: Settings, era: str) -> None:
    tools = await tools_of(settings, era)
    now = {t.name: t.model_dump(mode="json", by_alias=True, exclude_none=True) for t in tools}
    if os.environ.get("UPDATE_SCHEMAS"):
        SCHEMAS.write_text(json.dumps(now, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    assert now == json.loads(SCHEMAS.read_text(encoding="utf-8")), "run `make schemas`, look at it"


async def test_schemas_do_not_depend_on_the_records_that_were_read(settings: Settings) -> None:
    before = await tools_of(settings)
    use_declared(metrics_of("tidy", {"size": {"better": "higher", "smallest_effect": 0.1}}))
    assert "tidy__size" in {metric.key for metric in judged_metrics()}
    assert await tools_of(settings) == before


async def test_every_tool_is_named_verb_noun_and_has_all_four_hints(settings: Settings) -> None:
    for tool in await tools_of(settings):
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", tool.name) and len(tool.name) <= 32, tool.name
        hints = tool.annotations
        assert tool.title and hints is not None, tool.name
        given = (
            hints.read_only_hint,
            hints.destructive_hint,
            hints.idempotent_hint,
            hints.open_world_hint,
        )
        assert None not in given, tool.name


async def test_texts_are_dedented_and_short_enough_for_clients_that_cut_them(
    settings: Settings,
) -> None:
    tools = await tools_of(settings)
    assert len((build_server(settings).instructions or "").encode()) < 2000
    for tool in tools:
        text = tool.description or ""
        assert 40 < len(text) < 2000 and "\n    " not in text, tool.name
        first = text.splitlines()[0]
        assert len(first) <= 100, f"{tool.name}: the first line decides, keep it short"


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("count", [1, len(TOOLSETS) - 1, len(TOOLSETS)])
async def test_instructions_name_only_tools_that_are_offered(
    settings: Settings, count: int, read_only: bool
) -> None:
    every = json.loads(SCHEMAS.read_text(encoding="utf-8")).keys()
    for toolsets in itertools.combinations(TOOLSETS, count):
        server = build_server(settings, toolsets, read_only)
        offered = {tool.name for tool in await server.list_tools()}
        named = set(re.findall(r"[a-z_]+", server.instructions or "")) & every
        assert named <= offered, toolsets
        assert named or not offered, toolsets
        assert "untrusted" in (server.instructions or "")


async def test_the_tool_list_stays_small(settings: Settings) -> None:
    tools = await tools_of(settings, toolsets=None)
    listed = [t.model_dump_json(by_alias=True, exclude_none=True) for t in tools]
    assert len(tools) <= 36
    assert sum(map(len, listed)) < 60_000
    assert max(map(len, listed)) < 8_000


async def test_output_schemas_name_the_fields_of_a_result_and_their_types_alone(
    settings: Settings,
) -> None:
    for tool in await tools_of(settings):
        if (schema := tool.output_schema) is None:
            continue
        assert schema.keys() == {"type", "properties"}, tool.name
        assert schema["properties"] and {"type"} >= set().union(*schema["properties"].values())
        assert any("description" in it for it in tool.input_schema["properties"].values())


async def test_the_longest_schemas_are_left_out_and_the_page_has_them(settings: Settings) -> None:
    tools = {tool.name: tool for tool in await tools_of(settings)}
    returned = (tools["search_paper_text"].output_schema or {})["properties"]
    assert returned["hits"] == {"type": "array"}
    assert returned["next_cursor"] == {"type": ["string", "null"]}
    sent = tools["list_variants"].input_schema["properties"]["limit"]
    assert sent == {"type": "integer", "default": 20, "maximum": 100}
    page = PAGE.read_text(encoding="utf-8")
    section = page.partition("### `search_paper_text`")[2].partition("###")[0]
    assert "`hits` (list of {paper, section, title, page, chunk, score, snippet})" in section
    assert "`limit` (integer, from 1 to 50, optional, default 10)" in section


async def test_every_input_schema_is_closed_and_every_argument_is_described(
    settings: Settings,
) -> None:
    for tool in await tools_of(settings):
        assert tool.input_schema["additionalProperties"] is False, tool.name
        for name, argument in tool.input_schema.get("properties", {}).items():
            bounded = {"enum", "maximum", "default"} & argument.keys()
            plain = bounded or argument.get("type") == "boolean"
            assert "description" in argument or plain, f"{tool.name}({name})"


@pytest.mark.child
def test_listing_tools_imports_nothing_heavy(environ: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIST_IN_A_FRESH_PROCESS, *HEAVY],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_the_page_of_tools_is_made_of_the_schemas() -> None:
    path = SCHEMAS.parents[2] / "scripts" / "tools_page.py"
    spec = importlib.util.spec_from_file_location("tools_page", path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.page() == made.PAGE.read_text(encoding="utf-8"), "run `make schemas`"
