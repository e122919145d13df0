"""Clients send the same wish in several forms: null, "", one name for a list, an id as a number."""

import json
from typing import Annotated, Any, Literal

import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, Field

from fumehood.app import build_server
from fumehood.schema_forms import input_form, output_form
from fumehood.sent_args import arxiv_id_of
from fumehood.tooling import Toolbox, answer
from fumehood.wings import Wing
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.anyio

HINTS: Any = {"read_only": True, "destructive": False, "idempotent": True, "open_world": False}
MANY = 105


class Seen(BaseModel):
    """The arguments that reached the tool."""

    paper: str
    names: list[str] | None
    numbers: list[float] | None
    limit: int
    kind: str | None


class Rows(BaseModel):
    rows: list[str]
    next_cursor: str | None


def register(toolbox: Toolbox) -> None:
    @toolbox.tool(title="See", **HINTS)
    def see_arguments(
        paper: str,
        names: list[str] | None = None,
        numbers: list[float] | None = None,
        limit: Annotated[int, Field(ge=1, le=100)] = 7,
        kind: str | None = None,
    ) -> Annotated[CallToolResult, Seen]:
        """Return the arguments as they arrived."""
        seen = Seen(paper=paper, names=names, numbers=numbers, limit=limit, kind=kind)
        return answer(seen.model_dump_json(), seen)

    @toolbox.tool(title="List rows", **HINTS)
    def list_rows(
        limit: Annotated[int, Field(ge=1, le=100)] = 20, cursor: str | None = None
    ) -> Annotated[CallToolResult, Rows]:
        """Return rows of 400 characters each."""
        first = int(cursor or 0)
        rows = [f"{number:03d}" + "x" * 397 for number in range(first, min(first + limit, MANY))]
        last = first + len(rows)
        found = Rows(rows=rows, next_cursor=str(last) if last < MANY else None)
        return answer("\n".join(rows), found)


WING = Wing("bench", register)


async def called(settings: Settings, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    async with Client(build_server(settings, wings=[WING])) as client:
        return await client.call_tool(tool, arguments)


def text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


@pytest.mark.parametrize("nothing", [None, "", []])
async def test_null_and_empty_text_and_lists_mean_that_an_optional_argument_was_left_out(
    settings: Settings, nothing: Any
) -> None:
    optional = dict.fromkeys(("names", "numbers", "limit", "kind"), nothing)
    result = await called(settings, "see_arguments", {"paper": "a", **optional})
    assert not result.is_error, text_of(result)
    assert result.structured_content == {
        "paper": "a",
        "names": None,
        "numbers": None,
        "limit": 7,
        "kind": None,
    }


async def test_a_single_value_for_a_list_is_a_list_of_one(settings: Settings) -> None:
    sent = {"paper": "a", "names": "topk", "numbers": 32}
    seen: Any = (await called(settings, "see_arguments", sent)).structured_content
    assert seen["names"] == ["topk"] and seen["numbers"] == [32]
    sent = {"paper": "a", "names": '["topk", "gated"]', "numbers": "[32, 64]"}
    seen = (await called(settings, "see_arguments", sent)).structured_content
    assert seen["names"] == ["topk", "gated"] and seen["numbers"] == [32, 64]


async def test_blanks_around_a_name_are_left_out_and_elsewhere_kept(settings: Settings) -> None:
    sent = {"paper": " 2309.08600\n", "kind": " x "}
    seen: Any = (await called(settings, "see_arguments", sent)).structured_content
    assert seen["paper"] == "2309.08600" and seen["kind"] == " x "


async def test_an_arxiv_id_that_came_as_a_number_is_restored_and_the_answer_says_so(
    settings: Settings,
) -> None:
    result = await called(settings, "see_arguments", {"paper": 2309.086})
    seen: Any = result.structured_content
    assert seen["paper"] == "2309.08600"
    assert "2309.086 was read as the arXiv id '2309.08600'" in text_of(result)
    result = await called(settings, "see_arguments", {"paper": 7})
    assert result.is_error and "paper: Input should be a valid string (got 7)" in text_of(result)


@pytest.mark.parametrize(
    ("number", "meant"),
    [
        (2309.086, "2309.08600"),
        (704.0001, "0704.0001"),
        (1412.5, "1412.5000"),
        (1501.1, "1501.10000"),
        (2413.1, None),
        (612.1234, None),
        (1412.12345, None),
        (2309.0, None),
        (17, None),
    ],
)
def test_ids_of_arxiv_have_a_width_that_depends_on_their_month(
    number: float, meant: str | None
) -> None:
    assert arxiv_id_of(number) == meant


async def test_errors_show_values_as_the_client_sent_them(settings: Settings) -> None:
    result = await called(settings, "see_arguments", {"paper": None, "limit": True})
    assert result.is_error
    assert "(got null)" in text_of(result) and "None" not in text_of(result)


async def test_no_row_is_lost_between_pages_that_are_too_long_to_show(
    settings: Settings, era: str
) -> None:
    seen, cursor = [], None
    async with Client(build_server(settings, wings=[WING]), mode=era) as client:
        for _ in range(MANY):
            result = await client.call_tool("list_rows", {"limit": 100, "cursor": cursor})
            page: Any = result.structured_content
            assert "cut" not in page and len(json.dumps(page)) <= 20_000
            assert "limit was lowered from 100 to" in text_of(result) or page["next_cursor"] is None
            seen += [int(row[:3]) for row in page["rows"]]
            if (cursor := page["next_cursor"]) is None:
                break
    assert seen == list(range(MANY))


async def test_every_variant_of_a_full_sandbox_is_on_some_page(settings: Settings) -> None:
    box = create_sandbox(settings, "full", subject="synthetic")
    fill(box)
    seen: list[str] = []
    cursor = None
    async with Client(build_server(settings)) as client:
        while True:
            sent = {"sandbox": "full", "limit": 100, "cursor": cursor}
            page: Any = (await client.call_tool("list_variants", sent)).structured_content
            seen += [variant["name"] for variant in page["variants"]]
            if (cursor := page["next_cursor"]) is None:
                break
    assert len(seen) == len(set(seen)) == page["total"] > MANY


def fill(box: Sandbox) -> None:
    for number in range(MANY):
        source = f'"""{"A summary that is as long as it may be. " * 5}"""\nclass CustomSAE: ...\n'
        (box.variants / f"variant_{number:03d}.py").write_text(source, encoding="utf-8")


async def test_optional_arguments_are_published_as_their_bare_type_and_nothing_is_a_reference(
    settings: Settings,
) -> None:
    async with Client(build_server(settings)) as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        sent, returned = json.dumps(tool.input_schema), json.dumps(tool.output_schema)
        assert '"null"' not in sent and '"default": null' not in sent, tool.name
        for word in ("$ref", "$defs", "prefixItems"):
            assert word not in sent + returned, tool.name
        assert all_closed(tool.input_schema), tool.name


def all_closed(node: Any) -> bool:
    if isinstance(node, list):
        return all(map(all_closed, node))
    if not isinstance(node, dict):
        return True
    is_open = "properties" in node and node.get("additionalProperties") is not False
    return not is_open and all(map(all_closed, node.values()))


async def test_plain_schemas_have_no_closed_objects_and_no_output_schemas(
    settings: Settings,
) -> None:
    async with Client(build_server(settings, plain_schemas=True)) as client:
        tools = (await client.list_tools()).tools
        refused = await client.call_tool("list_jobs", {"limt": 1})
        listed = await client.call_tool("list_jobs", {})
    assert all(tool.output_schema is None for tool in tools)
    assert "additionalProperties" not in json.dumps([tool.input_schema for tool in tools])
    assert refused.is_error and "did you mean 'limit'" in text_of(refused)
    assert listed.structured_content is not None


def test_schemas_keep_properties_that_are_called_like_keywords() -> None:
    class Odd(BaseModel):
        title: str
        default: int | None = None
        minimum: Literal["a", 1] = 1
        pair: tuple[int, int] = (1, 2)

    sent = input_form(Odd.model_json_schema())
    assert sent["properties"]["default"] == {"type": "integer"}
    assert sent["properties"]["title"] == {"type": "string"} and sent["required"] == ["title"]
    returned = output_form(Odd.model_json_schema())["properties"]
    assert returned == {
        "title": {"type": "string"},
        "default": {"type": ["integer", "null"]},
        "minimum": {},
        "pair": {"type": "array"},
    }


@pytest.mark.parametrize(
    "grid", [[{"name": "K", "values": [8]}], {"K": [8]}, '{"K": [8]}', {"name": "K", "values": [8]}]
)
async def test_a_grid_is_a_list_of_constants_and_the_short_form_is_understood(
    settings: Settings, grid: Any
) -> None:
    create_sandbox(settings, "a", subject="synthetic")
    async with Client(build_server(settings)) as client:
        sent = {"sandbox": "a", "variants": ["topk"], "grid": grid, "seeds": [-1]}
        refused = await client.call_tool("run_variants", sent)
        twice = [{"name": "K", "values": [8]}, {"name": "K", "values": [9]}]
        doubled = await client.call_tool("run_variants", {**sent, "grid": twice})
    assert "Invalid seeds" in text_of(refused)
    assert "names a constant twice" in text_of(doubled)
