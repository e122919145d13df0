"""The red team in the real pipeline: all cheats are caught, and no honest variant is refused."""

import json
from pathlib import Path

import pytest

from fumehood.cli import main
from fumehood_tools.glass import available_levels
from fumehood_tools.redteam import Report, load_cases, run_redteam


def assert_clean(report: Report) -> None:
    bad = [f"{o.name}: {o.by} ({o.said})" for o in report.outcomes if not o.ok]
    assert not bad, "\n".join(bad)
    assert report.is_clean


@pytest.mark.child
def test_the_fast_subset_is_caught_and_nobody_honest_is_refused() -> None:
    assert_clean(run_redteam(load_cases(fast=True)))


@pytest.mark.slow
def test_every_cheat_is_caught_and_nobody_honest_is_refused() -> None:
    report = run_redteam(load_cases())
    assert_clean(report)
    if report.level == available_levels()[0] == "bubblewrap":
        expected = {case.label: case.entry.expect for case in load_cases() if case.side == "cheat"}
        for outcome in report.cheats:
            words = expected[outcome.name]
            assert not words or any(word in outcome.by for word in words), outcome


@pytest.mark.slow
def test_a_pattern_and_a_table_are_what_the_command_line_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "glass.md"
    path.write_text("# x\n<!-- redteam: begin -->\nold\n<!-- redteam: end -->\ny\n", "utf-8")
    code = main(
        ["redteam", "--only", "stash_self,numbers_infinite", "--json", "--table", str(path)]
    )
    [report] = json.loads(capsys.readouterr().out)
    assert code == 0 and len(report["outcomes"]) == 2
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# x\n") and text.endswith("<!-- redteam: end -->\ny\n")
    assert "| stash | 1 | 1/1 |" in text and "old" not in text


def test_a_pattern_that_fits_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["redteam", "--only", "nothing_like_it"]) == 2
    assert "No variant of the red team matches" in capsys.readouterr().err
