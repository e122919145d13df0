"""The benchmark tools, through a client."""

from typing import Any

import pytest
from fakes.records import put_score
from mcp import Client
from mcp.client.extension import advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.types import CallToolResult, ImageContent, TextContent

from fumehood.app import build_server
from fumehood.views import BENCHMARKS, META_KEY
from fumehood.wings import bench
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def sandbox(settings: Settings) -> Sandbox:
    return create_sandbox(settings, "box", subject="synthetic", layer=0, corpus="synthetic")


@pytest.fixture
def scored(sandbox: Sandbox) -> Sandbox:
    put_score(sandbox, "topk", 32.0, 0.73)
    put_score(sandbox, "standard", 76.0, 0.71)
    put_score(sandbox, "untrained", 32.0, 0.05)
    return sandbox


async def call(settings: Settings, tool: str, **arguments: Any) -> CallToolResult:
    async with Client(build_server(settings, wings=[bench.WING])) as client:
        return await client.call_tool(tool, arguments)


def text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


async def test_the_table_comes_as_text_and_as_typed_rows(
    settings: Settings, scored: Sandbox
) -> None:
    result = await call(settings, "read_benchmarks", sandbox="box")
    table = result.structured_content or {}
    assert [row["label"] for row in table["rows"]] == ["topk", "standard", "untrained"]
    assert [row["kind"] for row in table["rows"]] == ["baseline", "baseline", "control"]
    assert table["rows"][0]["metrics"]["explained_variance"] == [0.73]
    assert "topk (baseline)" in text_of(result) and "1 seed: no error bar" in text_of(result)


async def test_a_sandbox_without_scores_says_what_to_call(
    settings: Settings, sandbox: Sandbox
) -> None:
    result = await call(settings, "read_benchmarks", sandbox="box")
    assert not result.is_error and "run_variants" in text_of(result)
    plot = await call(settings, "plot_benchmarks", sandbox="box")
    assert plot.is_error and "run_variants" in text_of(plot)


async def test_a_damaged_record_does_not_hide_the_others(
    settings: Settings, scored: Sandbox
) -> None:
    (scored.results / "standard" / "seed0-00000000" / "score.json").write_text("{")
    result = await call(settings, "read_benchmarks", sandbox="box")
    table = result.structured_content or {}
    assert [row["label"] for row in table["rows"]] == ["topk", "untrained"]
    assert "standard/seed0-00000000" in text_of(result)


@pytest.mark.child
async def test_what_was_edited_is_in_neither_table_nor_plot_and_both_say_so(
    settings: Settings, scored: Sandbox
) -> None:
    path = scored.results / "topk" / "seed0-00000000" / "score.json"
    path.write_text(path.read_text(encoding="utf-8").replace("0.73", "0.99"), encoding="utf-8")
    result = await call(settings, "read_benchmarks", sandbox="box")
    table = result.structured_content or {}
    assert [row["label"] for row in table["rows"]] == ["standard", "untrained"]
    assert "edited after it was signed (topk/seed0-00000000)" in text_of(result)
    plot = await call(settings, "plot_benchmarks", sandbox="box")
    assert "edited after it was signed" in text_of(plot) and "2 variants" in text_of(plot)


async def test_a_server_that_has_shown_a_score_refuses_it_once_it_is_tampered_with(
    settings: Settings, scored: Sandbox
) -> None:
    path = scored.results / "topk" / "seed0-00000000" / "score.json"
    async with Client(build_server(settings, wings=[bench.WING])) as client:
        for _ in range(2):
            before = await client.call_tool("read_benchmarks", {"sandbox": "box"})
            assert "topk" in [row["label"] for row in (before.structured_content or {})["rows"]]
        path.write_text(path.read_text(encoding="utf-8").replace("0.73", "0.99"), encoding="utf-8")
        after = await client.call_tool("read_benchmarks", {"sandbox": "box"})
        again = await client.call_tool("read_benchmarks", {"sandbox": "box"})
    for result in (after, again):
        assert "topk" not in [row["label"] for row in (result.structured_content or {})["rows"]]
        assert "edited after it was signed (topk/seed0-00000000)" in text_of(result)


@pytest.mark.child
async def test_variants_are_compared_at_the_l0_of_each_and_the_answer_defines_its_words(
    settings: Settings, sandbox: Sandbox
) -> None:
    for seed, noise in enumerate((0.0, 0.001, -0.0005)):
        for l0, explained in ((16, 0.65), (64, 0.75)):
            levels: dict[str, Any] = {"parameters": {"K": l0}, "file_sha256": None}
            put_score(sandbox, "topk", l0, explained + noise, seed, **levels)
        put_score(sandbox, "gated", 32.0, 0.70 + 0.03 - noise, seed)
        put_score(sandbox, "standard", 90.0, 0.71, seed)
    result = await call(settings, "compare_variants", sandbox="box")
    assert not result.is_error, text_of(result)
    told = result.structured_content or {}
    rows = {row["variant"]: row for row in told["rows"]}
    assert rows["gated"]["verdict"] == "better"
    assert rows["gated"]["effect"]["mean"] == pytest.approx(0.03, abs=0.001)
    assert rows["standard"]["verdict"] == "not comparable"
    assert "is not covered by topk" in text_of(result)
    assert told["definitions"]["better"] in text_of(result)
    assert max(len(repr(rows["gated"][name])) for name in ("p", "p_adjusted")) < 12
    wrong = await call(settings, "compare_variants", sandbox="box", baseline="topkk")
    assert wrong.is_error and "topk" in text_of(wrong)


@pytest.mark.child
async def test_the_plot_comes_as_a_picture_with_its_path_and_nothing_beside_it(
    settings: Settings, scored: Sandbox
) -> None:
    result = await call(settings, "plot_benchmarks", sandbox="box")
    assert not result.is_error, text_of(result)
    [image] = [part for part in result.content if isinstance(part, ImageContent)]
    assert image.mime_type == "image/png" and result.structured_content is None
    for path in ("plots/benchmarks.png", "page/index.html"):
        assert str(scored.results / path) in text_of(result) and (scored.results / path).is_file()
    assert META_KEY not in (result.meta or {})


@pytest.mark.child
async def test_clients_that_draw_views_get_the_data_and_the_page_to_draw_them(
    settings: Settings, scored: Sandbox
) -> None:
    drawing = {"mimeTypes": [APP_MIME_TYPE]}
    server = build_server(settings, wings=[bench.WING])
    async with Client(server, extensions=[advertise(EXTENSION_ID, drawing)]) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert (tools["plot_benchmarks"].meta or {})["ui"]["resourceUri"] == BENCHMARKS
        [page] = (await client.read_resource(BENCHMARKS)).contents
        result = await client.call_tool("plot_benchmarks", {"sandbox": "box"})
    assert page.mime_type == APP_MIME_TYPE and "ui/initialize" in page.text  # type: ignore[union-attr]
    told = (result.meta or {})[META_KEY]
    assert {row["label"] for row in told["rows"]} == {"topk", "standard", "untrained"}
    assert told["saes"] == [] and told["sources"] == {}


async def test_names_that_do_not_exist_get_a_suggestion(
    settings: Settings, scored: Sandbox
) -> None:
    wrong = await call(settings, "read_benchmarks", sandbox="bax")
    assert wrong.is_error and "box" in text_of(wrong)
    wrong = await call(settings, "plot_benchmarks", sandbox="box", variants=["topc"])
    assert wrong.is_error and "topk" in text_of(wrong)


async def test_metrics_that_do_not_exist_get_a_suggestion(
    settings: Settings, scored: Sandbox
) -> None:
    for tool, wrong in (
        ("read_benchmarks", {"sort": "probing_top4"}),
        ("compare_variants", {"metric": "probing_top4"}),
        ("plot_benchmarks", {"metrics": ["alive", "probing_top4"]}),
    ):
        result = await call(settings, tool, sandbox="box", **wrong)
        assert result.is_error and "Did you mean 'probing_top5'?" in text_of(result), tool


@pytest.mark.child
async def test_a_plot_shows_the_metrics_that_were_chosen(
    settings: Settings, scored: Sandbox
) -> None:
    result = await call(settings, "plot_benchmarks", sandbox="box", metrics=["alive"])
    assert not result.is_error, text_of(result)
    assert "L0 against alive. 3 variants" in text_of(result)
    assert "benchmarks-alive-1 (PNG and SVG)" in text_of(result)


async def test_a_read_only_server_reads_but_does_not_draw(settings: Settings) -> None:
    server = build_server(settings, read_only=True, wings=[bench.WING])
    async with Client(server) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
    assert names == ["read_benchmarks", "compare_variants"]
