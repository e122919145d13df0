"""The page of a sandbox, and its figures, in headless Chromium, 1,280 and 400 pixels wide.

A script is added after the page's own. It does what a reader would do and writes what it saw into
the document. Chromium prints the document and its console.
"""

import html
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fakes.browser import browse, needs_a_browser

from fumehood_tools.bench.plot import plot_benchmarks
from fumehood_tools.page import app_html, page_content, write_page

pytestmark = pytest.mark.child

Seen = tuple[dict[str, Any], list[str]]
Browsed = Callable[[int], Seen]

HOSTILE = '''"""An idea </script><img src=x onerror="document.title='owned'"> & <b>bold</b>."""

K = 32
'''
READER = Path(__file__).with_name("page_reader.js").read_text(encoding="utf-8")
REPORT = f"<script>\n{READER}</script>"


@pytest.fixture(scope="module")
def page(shared_records: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page of a sandbox that has levels, a control, a try and a hostile docstring."""
    records = shared_records
    records.variant("topk", packaged=True)
    records.variant("untrained", packaged=True)
    records.variant("gated", packaged=True)
    records.variant("hostile", HOSTILE)
    for seed in range(2):
        for k in (16, 32, 64):
            metrics = {"l0": float(k), "explained_variance": 0.6 + 0.002 * k + 0.001 * seed}
            records.score("topk", seed, parameters={"K": k} if k != 32 else {}, metrics=metrics)
        records.score("untrained", seed, metrics={"l0": 32.0, "explained_variance": 0.05})
        records.score("gated", seed, metrics={"l0": 45.0, "explained_variance": 0.66})
        folder = records.score("hostile", seed, density=[3, *[0] * 10, 20, 30, 10, *[0] * 7])
        lines = [json.dumps({"tokens": 100 * n, "loss": 1 / n}) for n in range(1, 500)]
        lines[7] = '{"tokens": "x", "loss": NaN}'
        (folder / "train_log.jsonl").write_text("\n".join(lines), encoding="utf-8")
    records.score("gated", 0, parameters={"L1_PENALTY": 0.2}, metrics={"l0": 20.0})
    content = page_content(records.folder, packaged=records.packaged)
    written = write_page(records.folder, content)
    target = tmp_path_factory.mktemp("page") / "page.html"
    text = written.read_text(encoding="utf-8")
    target.write_text(text.replace("</body>", f"{REPORT}</body>"), encoding="utf-8")
    return target


@pytest.fixture(scope="module")
def browsed(page: Path) -> Browsed:
    """Return what is seen of the page at a width. The browser starts once for each."""
    return cache(lambda width: browse(page, width))


@needs_a_browser
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_works_in_a_browser_and_nothing_overlaps(browsed: Browsed, width: int) -> None:
    seen, console = browsed(width)
    assert console == [], console
    assert seen["width"] == width
    assert not seen["scrolls"] and not seen["detail_scrolls"]
    assert seen["clashes"] == [] and seen["detail_clashes"] == []
    assert seen["names"][0] == "hostile" and "gated(L1_PENALTY=0.2)" not in seen["names"]
    assert seen["by_l0"][0] == "topk(K=16)" and seen["by_l0_down"] == seen["by_l0"][::-1]
    assert seen["filtered"] == ["gated"]
    assert seen["key"] == ["variant", "baseline (packaged)", "control (untrained)"]
    assert seen["smallest"] >= 10, "text of a plot, in pixels"
    assert seen["ticks"] >= 3


@needs_a_browser
def test_a_mark_lights_its_row_and_its_series_and_opens_curves_and_receipts(
    browsed: Browsed,
) -> None:
    seen, _ = browsed(1280)
    assert seen["lit"].count("path:topk(K=16)") == 2 and "tr:topk(K=16)" in seen["lit"]
    assert seen["lit"].count("path:topk") == 2  # the lines through topk's levels, in both plots
    assert "L0 16.0" in seen["tip"] and "2 seeds" in seen["tip"] and seen["dark"] == 0
    assert seen["hidden"] is True and seen["charts"] == 2
    for words in (
        "Training loss, as reported by the variant's own process",
        "Feature density",
        "never fired: 3, 3",
        "receipt",
        "seed 1",
    ):
        assert words in seen["detail"], words


@needs_a_browser
@pytest.mark.parametrize("width", [1280, 400])
def test_a_panel_shows_the_effect_of_every_variant_with_its_verdict(
    browsed: Browsed, width: int
) -> None:
    seen, _ = browsed(width)
    assert seen["effects"] == [["hostile", "hostile", "undecided"], ["gated", "gated", "undecided"]]
    assert "path:gated" in seen["effect_lit"] and "g:gated" in seen["effect_lit"]
    words = seen["effect_tip"].split("\n")
    assert words[0] == "gated" and words[1].endswith(", 2 seeds") and words[2] == "undecided"
    assert re.match(r"−0\.03\d\d \[−0\.0\d{3}, −0\.0\d{3}\]", words[1]), words
    assert "verdict: undecided: none of the above" in seen["definitions"]


@needs_a_browser
def test_text_of_a_variant_stays_text(browsed: Browsed) -> None:
    seen, console = browsed(1280)
    assert "</script><img src=x" in seen["detail"] and seen["images"] == 0
    assert seen["title"] == "box · fumehood" and console == []


def test_the_page_loads_nothing_and_its_data_cannot_end_their_element(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace(REPORT, "")
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)
    assert "default-src 'none'" in text
    data = text.split('id="data">')[1].split("</script>")[0]
    sources = json.loads(data)["sources"].values()
    assert HOSTILE in sources


def test_curves_are_thinned_out_and_hostile_lines_passed_over(page: Path) -> None:
    data = page.read_text(encoding="utf-8").split('id="data">')[1].split("</script>")[0]
    curves = [sae["curve"] for sae in json.loads(data)["saes"] if sae["label"] == "hostile"]
    assert len(curves) == 2 and all(50 <= len(curve) <= 61 for curve in curves)
    assert curves[0][0] == [100, 1.0] and curves[0][-1][0] == 49_900


def test_curves_are_marked_as_the_variants_own_word(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "Training loss, as reported by the variant's own process; not measured" in text
    assert "Training curves are reported by the variant's own process" in text


def test_the_view_of_an_app_is_the_page_without_data() -> None:
    assert 'id="data"></script>' in app_html() and "ui/initialize" in app_html()


HOST = """<!doctype html><iframe id="frame" width="700" height="700" srcdoc="{view}"></iframe>
<script>
const frame = document.getElementById("frame"), heard = [];
addEventListener("message", (event) => {{
  const message = event.data, answer = (content) => frame.contentWindow.postMessage(content, "*");
  heard.push(message.method);
  if (message.method === "ui/initialize") {{
    answer({{ jsonrpc: "2.0", id: message.id, result: {{ protocolVersion: "2026-01-26" }} }});
  }}
  if (message.method === "ui/notifications/initialized") {{
    const params = {{ content: [], _meta: {{ "fumehood/benchmarks": {content} }} }};
    answer({{ jsonrpc: "2.0", method: "ui/notifications/tool-result", params }});
  }}
  if (message.method === "ui/notifications/size-changed") {{
    const page = frame.contentDocument, report = document.createElement("pre");
    report.id = "report";
    report.textContent = JSON.stringify({{
      heard, rows: page.querySelectorAll("#body tr").length, height: message.params.height,
      marks: page.querySelectorAll(".mark").length, title: page.querySelector("h1").textContent,
    }});
    document.body.append(report);
  }}
}});
</script>"""


@needs_a_browser
def test_a_client_that_draws_views_sees_the_same_plots_and_table(
    records: Any, tmp_path: Path
) -> None:
    records.variant("topk", packaged=True)
    for seed, l0 in enumerate((32.0, 33.0)):
        records.score("topk", seed, metrics={"l0": l0})
    content = page_content(records.folder, packaged=records.packaged) | {"saes": [], "sources": {}}
    view = html.escape(app_html(), quote=True)
    host = tmp_path / "host.html"
    host.write_text(HOST.format(view=view, content=json.dumps(content)), encoding="utf-8")
    seen, console = browse(host, 900)
    assert console == []
    assert seen["heard"][:2] == ["ui/initialize", "ui/notifications/initialized"]
    assert (seen["rows"], seen["marks"], seen["title"]) == (1, 2, "box") and seen["height"] > 300


FIGURE = """<!doctype html>{svg}<script>
const svg = document.querySelector("svg"), whole = svg.getBoundingClientRect();
const texts = [...svg.querySelectorAll("g[id^=text_]")].map((n) => [
  [...n.childNodes].filter((c) => c.nodeType === Node.COMMENT_NODE).map((c) => c.data.trim())[0],
  n.getBoundingClientRect(),
]);
const overlap = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
  && a.top < b.bottom - 1 && b.top < a.bottom - 1;
const report = document.createElement("pre");
report.id = "report";
report.textContent = JSON.stringify({{
  names: texts.map(([name]) => name),
  outside: texts.filter(([, b]) => b.left < whole.left || b.right > whole.right
    || b.top < whole.top || b.bottom > whole.bottom).map(([name]) => name),
  clashes: texts.flatMap(([a, box], i) => texts.slice(i + 1)
    .filter(([, other]) => overlap(box, other)).map(([b]) => `${{a}} / ${{b}}`)),
}});
document.body.append(report);
</script>"""


@needs_a_browser
def test_no_text_of_a_crowded_figure_overlaps_or_leaves_it(
    records: Any, fonts: Path, tmp_path: Path
) -> None:
    names = [f"variant_with_quite_a_long_name_{number:02}" for number in range(24)]
    for number, name in enumerate([*names, "W" * 40]):
        records.variant(name)
        for k in (32, 64):
            metrics = {"l0": k + 0.01 * number, "explained_variance": 0.7 + k / 1e3 + number / 1e4}
            records.score(name, parameters={"K": k}, metrics=metrics)
    records.variant("untrained", packaged=True)
    records.score("untrained", metrics={"explained_variance": 0.05, "probing_top5": 0.75})
    plot = plot_benchmarks(records.folder, font_cache=fonts, packaged=records.packaged)
    for part in ("", "-1", "-2"):
        svg = plot.svg.with_name(f"{plot.svg.stem}{part}.svg").read_text(encoding="utf-8")
        page = tmp_path / f"figure{part}.html"
        page.write_text(FIGURE.format(svg=svg[svg.index("<svg") :]), encoding="utf-8")
        seen, _ = browse(page, 1280)
        assert seen["outside"] == [] and seen["clashes"] == [], part
        assert len(seen["names"]) > 30 and any("…" in name for name in seen["names"])
