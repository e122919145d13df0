"""The page of a custom sandbox: its own metrics, its comparison, receipts and sources."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.browser import browse, needs_a_browser
from fakes.custom_scores import put_custom_score

from fumehood_tools.custom.page import custom_page
from fumehood_tools.custom.plot import seen_of
from fumehood_tools.page import write_page
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings

READER = Path(__file__).with_name("page_reader.js").read_text(encoding="utf-8")


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.fixture
def box(settings: Settings) -> Iterator[Sandbox]:
    """A sandbox with a changed file, a control, and a file that would like to be HTML."""
    made = create_sandbox(settings, "steer", source="steering")
    source = (made.variants / "whitened.py").read_text("utf-8")
    mine = made.variants / "mine_with_a_rather_long_name.py"
    mine.write_text(f"# </script><img src=x>\n{source}", encoding="utf-8")
    for seed in range(3):
        put_custom_score(settings, made, "mean_difference", seed, 0.8 + 0.01 * seed)
        put_custom_score(settings, made, "zero", seed, 0.0)
        put_custom_score(settings, made, "whitened", seed, 1.3 + 0.01 * seed**2)
        put_custom_score(settings, made, mine.stem, seed, 1.5 + 0.02 * seed**2)
    (made.variants / "whitened.py").write_text(f"{source}# again\n", encoding="utf-8")
    yield made


@pytest.mark.child
def test_the_content_has_the_declared_metrics_verdicts_receipts_and_sources(
    settings: Settings, box: Sandbox
) -> None:
    content = custom_page(settings, box, seen_of(settings, box))
    assert [one["key"] for one in content["columns"]] == ["effect", "damage", "strength"]
    assert content["order"] == {"key": "effect", "down": True} and content["x"] is None
    rows = {row["label"]: row for row in content["rows"]}
    assert rows["mine_with_a_rather_long_name"]["verdict"] == "better"
    assert rows["mean_difference"]["verdict"] == "the baseline"
    [stale] = (row for row in rows.values() if row["stale"])
    assert stale["variant"] == "whitened" and stale["verdict"] is None
    assert rows["zero"]["kind"] == "control" and rows["mean_difference"]["kind"] == "baseline"
    assert len(content["saes"]) == 12
    assert {one["source"] for one in content["saes"]} == set(content["sources"])
    facts = dict(content["saes"][0]["facts"])
    assert len(facts["receipt"]) == 12 and facts["evaluated by"].startswith("sealed ")
    assert "no reviewer has pinned this code" in content["warnings"]
    assert json.dumps(content, allow_nan=False)


@pytest.mark.child
def test_a_sandbox_without_scores_has_an_empty_page(settings: Settings) -> None:
    made = create_sandbox(settings, "empty", source="steering")
    content = custom_page(settings, made, seen_of(settings, made))
    assert content["subtitle"] == "no scores yet" and not content["rows"]
    assert write_page(made.folder, content).is_file()


@needs_a_browser
@pytest.mark.child
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_shows_strips_comparison_and_table_in_a_browser(
    settings: Settings, box: Sandbox, tmp_path: Path, width: int
) -> None:
    written = write_page(box.folder, custom_page(settings, box, seen_of(settings, box)))
    page = tmp_path / "page.html"
    text = written.read_text("utf-8").replace("</body>", f"<script>{READER}</script></body>")
    page.write_text(text, encoding="utf-8")
    found, console = browse(page, width)
    seen: dict[str, Any] = found
    assert console == [] and seen["clashes"] == [] and not seen["scrolls"]
    assert seen["titles"] == ["effect", "damage", "strength", "Difference from mean_difference"]
    assert seen["strip"][0] == "mine_with_a_rather_long_name" and seen["strip"][-1] == "zero"
    assert seen["names"] == seen["strip"] and len(seen["names"]) == 4
    assert seen["effects"] == ["mine_with_a_rather_long_name", "zero"]
    assert seen["head"][-1] == "verdict" and seen["minor"] and "curves" not in seen["hint"]
    assert "Source at the time of scoring" in seen["detail"] and "seed 2" in seen["detail"]
    assert "</script><img src=x>" in seen["detail"] and seen["images"] == 0
