"""A stale guide says which names that it uses have changed, and into what."""

from pathlib import Path

from fakes.planted_guide import guide_text

from fumehood_tools.guides.blocks import Block, page_of
from fumehood_tools.guides.changes import changed_in, with_changes
from fumehood_tools.guides.checking import sha256
from fumehood_tools.guides.report import Checked, CheckedBlock
from fumehood_tools.guides.view import GuideReader
from fumehood_tools.settings import load_settings

CHANGES = {
    "mosslib.measure": "removed: function (perhaps now mosslib.measure_height)",
    "mosslib.grow": "changed: default of rate was 2, is 3",
    "mosslib.Moss.dry": "removed: method",
}


def _block(code: str) -> Block:
    return page_of(f"```python\n{code}\n```\n").blocks[0]


def _checked(outcome: str, why: str = "It failed.") -> CheckedBlock:
    return CheckedBlock.model_validate(
        {"number": 1, "line": 2, "section": "", "outcome": outcome, "why": why}
    )


def test_a_block_is_matched_with_the_changes_of_the_names_that_it_uses() -> None:
    assert list(changed_in(_block("import mosslib\nmosslib.measure(2)"), CHANGES)) == [
        "mosslib.measure"
    ]
    assert list(changed_in(_block("from mosslib import grow"), CHANGES)) == ["mosslib.grow"]
    assert list(changed_in(_block("moss.dry()"), CHANGES)) == ["mosslib.Moss.dry"]
    assert changed_in(_block("measured = 'grow'"), CHANGES) == {}
    assert list(changed_in(_block("moss.dry( ="), CHANGES)) == ["mosslib.Moss.dry"]


def test_a_failing_block_says_what_became_of_a_name_and_a_passing_one_stays() -> None:
    blocks = [_block("mosslib.measure(2)"), _block("mosslib.measure(2)"), _block("x = 1")]
    given = [_checked("api_changed"), _checked("passed"), _checked("failed")]
    first, second, third = with_changes(given, blocks, CHANGES)
    assert "perhaps now mosslib.measure_height" in first.why
    assert (second, third) == (given[1], given[2])


def test_another_output_because_of_another_default_counts_as_a_changed_api() -> None:
    (found,) = with_changes([_checked("wrong_output")], [_block("mosslib.grow(5)")], CHANGES)
    assert found.outcome == "api_changed" and "default of rate was 2, is 3" in found.why
    (kept,) = with_changes([_checked("wrong_output")], [_block("mosslib.measure(5)")], CHANGES)
    assert kept.outcome == "wrong_output"


def test_a_stale_guide_tells_for_each_task_which_of_its_names_have_changed(tmp_path: Path) -> None:
    text = guide_text(["Renamed API", "A healthy task"])
    place = tmp_path / "guides" / "mosslib.md"
    place.parent.mkdir()
    place.write_text(text, encoding="utf-8")
    record = Checked(
        check="1",
        guide="guides/mosslib.md",
        package="mosslib",
        guide_version="1.0.0",
        environment="venv",
        versions={"mosslib": "2.0.0"},
        text_sha256=sha256(text),
        blocks=(_checked("api_changed"), _checked("passed")),
        changed={"mosslib.measure": CHANGES["mosslib.measure"]},
    )
    place.with_suffix(".record.json").write_text(record.model_dump_json(), encoding="utf-8")
    reader = GuideReader(load_settings(tmp_path, {"FUMEHOOD_CACHE": str(tmp_path / "cache")}))
    found = reader.find("mosslib")
    assert found.status == "stale" and found.why == (
        "The guide is for mosslib 1.0.0; there is version 2.0.0. It uses names that have changed: "
        "mosslib.measure. It ran in environment 'venv'."
    )
    changed = f"Changed since then: mosslib.measure: {CHANGES['mosslib.measure']}."
    assert changed in reader.read("mosslib", "renamed-api").warning
    assert "Changed since then" not in reader.read("mosslib", "a-healthy-task").warning
