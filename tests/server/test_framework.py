"""The handling of every tool call: arguments, errors, long results. Both protocol eras."""

import json
import threading
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, ImageContent, ResourceLink, TextContent
from pydantic import BaseModel, ConfigDict, Field

from fumehood.app import build_server
from fumehood.tooling import Toolbox, answer, picture
from fumehood.wings import Wing
from fumehood_tools.errors import BadRequest, UnknownName, VariantRejected
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.anyio

HINTS = {
    "read_only": True,
    "destructive": False,
    "idempotent": True,
    "open_world": False,
}
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0"
    "000003010100c9fe92ef0000000049454e44ae426082"
)
LET_GO = threading.Event()


class Lines(BaseModel):
    lines: list[str]
    kind: Literal["few", "many"] = "many"


class Exactly(BaseModel):
    lines: list[str] = Field(min_length=3000)


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str


def misbehaving(image: Path | None = None) -> Wing:
    """Return a wing whose tools misbehave on request."""

    def register(toolbox: Toolbox) -> None:
        @toolbox.tool(title="Fail", **HINTS)  # type: ignore[arg-type]
        def fail(how: Literal["rejected", "crash", "long"]) -> Annotated[CallToolResult, Lines]:
            """Fail."""
            if how == "rejected":
                raise VariantRejected("v.py", 3, "imports os", "use torch")
            if how == "long":
                raise BadRequest("x" * 50_000)
            raise ValueError("a secret path")

        @toolbox.tool(title="Print lines", **HINTS)  # type: ignore[arg-type]
        def print_lines(count: int, width: int = 40) -> Annotated[CallToolResult, Lines]:
            """Return many lines."""
            lines = [f"{number:06d} ".ljust(width, "é") for number in range(count)]
            return answer("\n".join(lines), Lines(lines=lines))

        @toolbox.tool(title="Print exactly", **HINTS)  # type: ignore[arg-type]
        def print_exactly() -> Annotated[CallToolResult, Exactly]:
            """Return a list that may not be shortened."""
            return answer("short", Exactly(lines=["some line"] * 3000))

        @toolbox.tool(title="Hold", **HINTS)  # type: ignore[arg-type]
        def hold() -> Annotated[CallToolResult, Lines]:
            """Wait until somebody lets go."""
            return answer("held" if LET_GO.wait(30) else "nobody let go", Lines(lines=[]))

        @toolbox.tool(title="Draw", **HINTS)  # type: ignore[arg-type]
        async def draw() -> CallToolResult:
            """Draw."""
            assert image is not None
            return picture("one pixel", image)

    return Wing("bench", register)


def text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


async def test_a_failure_we_know_reaches_the_agent_with_its_code(
    settings: Settings, era: str
) -> None:
    async with Client(build_server(settings, wings=[misbehaving()]), mode=era) as client:
        result = await client.call_tool("fail", {"how": "rejected"})
    assert result.is_error
    assert text_of(result) == "variant_rejected: v.py:3: imports os. Instead: use torch."


async def test_a_crash_is_neutral_to_the_agent_and_has_a_traceback_in_the_log(
    settings: Settings, era: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(build_server(settings, wings=[misbehaving()]), mode=era) as client:
        result = await client.call_tool("fail", {"how": "crash"})
    assert result.is_error
    assert text_of(result) == "Error executing tool fail"
    assert "a secret path" in caplog.text and "Traceback" in caplog.text


async def test_a_very_long_error_is_bounded(settings: Settings) -> None:
    async with Client(build_server(settings, wings=[misbehaving()])) as client:
        result = await client.call_tool("fail", {"how": "long"})
    assert result.is_error and len(text_of(result)) < 5000


async def test_a_misspelt_argument_is_refused_with_the_right_name(
    settings: Settings, era: str
) -> None:
    async with Client(build_server(settings, wings=[misbehaving()]), mode=era) as client:
        result = await client.call_tool("print_lines", {"count": 1, "widht": 3})
        schema = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
    assert result.is_error
    assert "'widht' (did you mean 'width'?)" in text_of(result)
    assert "Accepted: count, width" in text_of(result)
    assert schema["print_lines"]["additionalProperties"] is False


async def test_a_wrong_value_is_refused_in_one_line(settings: Settings, era: str) -> None:
    async with Client(build_server(settings, wings=[misbehaving()]), mode=era) as client:
        result = await client.call_tool("fail", {"how": "x" * 500})
    said = text_of(result)
    assert result.is_error and said.startswith("bad_request: how: Input should be 'rejected'")
    assert "https://" not in said and len(said) < 300


async def test_a_misspelt_tool_is_refused_with_the_right_name(settings: Settings, era: str) -> None:
    async with Client(build_server(settings, wings=[misbehaving()]), mode=era) as client:
        result = await client.call_tool("print_line", {})
    assert result.is_error and "Did you mean 'print_lines'?" in text_of(result)


async def test_a_call_that_takes_long_says_that_it_is_being_worked_on(
    settings: Settings, era: str
) -> None:
    heard: list[tuple[float, str | None]] = []
    LET_GO.clear()

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))
        if len(heard) == 2:
            LET_GO.set()

    async with Client(build_server(settings, wings=[misbehaving()]), mode=era) as client:
        result = await client.call_tool("hold", {}, progress_callback=listen)
    assert text_of(result) == "held"
    (first, said), (second, _) = heard
    assert second > first and said is not None and said.startswith("hold is at work")


async def test_a_short_result_is_passed_on_untouched(settings: Settings, era: str) -> None:
    async with Client(build_server(settings, wings=[misbehaving()]), mode=era) as client:
        result = await client.call_tool("print_lines", {"count": 2, "width": 7})
    assert result.structured_content == {"lines": ["000000 ", "000001 "], "kind": "many"}
    assert text_of(result) == "000000 \n000001 "
    assert not (settings.state / "outputs").exists()


async def test_a_long_result_is_cut_and_can_be_read_on_without_a_gap(
    settings: Settings, era: str
) -> None:
    async with Client(build_server(settings, wings=[misbehaving()]), mode=era) as client:
        # The client checks the shortened structured content against the output schema.
        result = await client.call_tool("print_lines", {"count": 2000})
        whole = "\n".join(f"{number:06d} ".ljust(40, "é") for number in range(2000))
        said = text_of(result)
        shown = said.partition("\n[cut: ")[0]
        assert whole.startswith(shown) and 17_000 < len(said) <= 20_000
        assert shown.endswith("\n") and whole[len(shown) :].startswith("000"), "between lines"
        links = [part for part in result.content if isinstance(part, ResourceLink)]
        name = next(link.name for link in links if link.name.endswith(".txt"))
        pages = []
        for page in range(2, 6):
            read = await client.read_resource(f"fumehood://outputs/{name}/{page}")
            pages.append(getattr(read.contents[0], "text", "").rpartition("\n[page ")[0])
        assert shown + "".join(pages) == whole
    assert (settings.state / "outputs" / name).read_text(encoding="utf-8") == whole


async def test_long_structured_content_keeps_its_shape_and_says_where_the_whole_is(
    settings: Settings, era: str
) -> None:
    async with Client(build_server(settings, wings=[misbehaving()]), mode=era) as client:
        result = await client.call_tool("print_lines", {"count": 2000})
    cut: Any = result.structured_content
    assert len(json.dumps(cut, ensure_ascii=False)) <= 20_000
    assert len(cut["lines"]) == 100 and cut["kind"] == "many"
    kept = json.loads(Path(cut["cut"]["whole_result"]).read_text(encoding="utf-8"))
    assert len(kept["lines"]) == 2000


async def test_a_result_that_cannot_be_shortened_names_its_file_and_forbids_a_repeat(
    settings: Settings, era: str
) -> None:
    async with Client(build_server(settings, wings=[misbehaving()]), mode=era) as client:
        result = await client.call_tool("print_exactly", {})
    assert result.is_error and "The call succeeded" in text_of(result)
    assert "Do not repeat the call" in text_of(result)
    (kept,) = (settings.state / "outputs").iterdir()
    assert str(kept) in text_of(result)


@pytest.mark.parametrize(
    "address",
    ["../jobs.sqlite3/1", "%2e%2e%2ftoken/1", "print_lines-000000000000.txt/1", "token/1"],
)
async def test_only_kept_outputs_can_be_read(settings: Settings, address: str) -> None:
    settings.state.mkdir(parents=True)
    (settings.state / "token").write_text("secret", encoding="utf-8")
    async with Client(build_server(settings, wings=[misbehaving()])) as client:
        with pytest.raises(MCPError):
            await client.read_resource(f"fumehood://outputs/{address}")


async def test_a_page_that_does_not_exist_names_those_that_do(settings: Settings) -> None:
    async with Client(build_server(settings, wings=[misbehaving()])) as client:
        result = await client.call_tool("print_lines", {"count": 1000})
        link = next(part for part in result.content if isinstance(part, ResourceLink))
        with pytest.raises(MCPError, match="pages 1 to"):
            await client.read_resource(f"fumehood://outputs/{link.name}/99")


async def test_an_image_comes_with_text_and_without_structured_content(
    settings: Settings, tmp_path: Path, era: str
) -> None:
    image = tmp_path / "plot.png"
    image.write_bytes(PIXEL)
    async with Client(build_server(settings, wings=[misbehaving(image)]), mode=era) as client:
        result = await client.call_tool("draw", {})
    assert result.structured_content is None and text_of(result) == "one pixel"
    assert any(isinstance(part, ImageContent) for part in result.content)


async def test_toolsets_choose_what_is_offered(settings: Settings) -> None:
    async with Client(build_server(settings, ["jobs"])) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert names == {"list_jobs", "wait_for_job", "read_job_log", "cancel_job"}


def test_an_unknown_toolset_is_refused_with_the_known_ones(settings: Settings) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'jobs'.*sandbox"):
        build_server(settings, ["job"])


async def test_read_only_offers_and_accepts_nothing_that_changes_state(
    settings: Settings, era: str
) -> None:
    async with Client(build_server(settings, read_only=True), mode=era) as client:
        tools = (await client.list_tools()).tools
        result = await client.call_tool("cancel_job", {"job_id": "x"})
    assert tools and all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
    assert result.is_error and "cancel_job exists, but" in text_of(result)


def test_a_hint_left_out_or_contradictory_is_an_error_at_start(settings: Settings) -> None:
    toolbox = Toolbox(settings)
    with pytest.raises(TypeError, match="open_world"):
        toolbox.tool(  # type: ignore[call-arg]
            title="x", read_only=True, destructive=False, idempotent=True
        )
    with pytest.raises(TypeError, match="read-only"):

        @toolbox.tool(title="x", **{**HINTS, "destructive": True})  # type: ignore[arg-type]
        def wipe() -> CallToolResult:
            """Wipe."""
            return CallToolResult(content=[])


def test_an_output_model_that_could_not_be_cut_is_an_error_at_start(settings: Settings) -> None:
    toolbox = Toolbox(settings)
    with pytest.raises(TypeError, match="forbids extras"):

        @toolbox.tool(title="x", **HINTS)  # type: ignore[arg-type]
        def tell() -> Annotated[CallToolResult, Closed]:
            """Tell."""
            return answer("x", Closed(text="x"))


def sized(settings: Settings, most: int, kind: object, **options: Any) -> Any:
    """Return the schema of the argument of a tool that is declared anew with this type."""

    def register(toolbox: Toolbox) -> None:
        @toolbox.tool(title="Take", **HINTS)  # type: ignore[arg-type]
        def take(
            size: Annotated[kind, Field(description=f"up to {most}", le=most)],
        ) -> CallToolResult:  # type: ignore[valid-type]
            """Take."""
            return answer(f"{settings.workspace.name} {size}", Lines(lines=[]))

    toolbox = Toolbox(settings, **options)
    register(toolbox)
    return toolbox.tools["take"]


def test_a_tool_that_is_declared_again_in_another_way_gets_a_schema_of_its_own(
    settings: Settings,
) -> None:
    made = [
        sized(settings, most, kind) for most, kind in [(5, int), (6, int), (5, float), (5, int)]
    ]
    fields = [one.parameters["properties"]["size"] for one in made]
    assert [field["maximum"] for field in fields] == [5, 6, 5, 5]
    assert [field["type"] for field in fields] == ["integer", "integer", "number", "integer"]
    assert made[3].parameters == made[0].parameters
    plain = sized(settings, 5, int, plain_schemas=True).parameters
    assert "additionalProperties" not in plain
    assert "additionalProperties" in sized(settings, 5, int).parameters


async def test_a_tool_of_two_servers_works_in_the_workspace_of_each(
    settings: Settings, tmp_path: Path
) -> None:
    other = settings.model_copy(update={"workspace": tmp_path / "elsewhere"})
    made = [sized(one, 5, int) for one in (settings, other)]
    said = [text_of(await one.fn(size=2)) for one in made]
    assert said == [f"{settings.workspace.name} 2", "elsewhere 2"]
