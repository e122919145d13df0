"""The red team of custom evaluations: no cheat gets through, and nobody honest is refused."""

import json
import re
from pathlib import Path

import pytest

from fumehood.cli import main
from fumehood_tools.glass import available_levels
from fumehood_tools.redteam import Report, load_evaluations, run_evaluations
from fumehood_tools.redteam.evaluation_cases import FAST

HERE = Path(__file__).with_name("evaluations")
PAGE = Path(__file__).parents[2] / "docs" / "glass.md"
# What this level does not separate; docs/glass.md names it.
OPEN = {"calls_home", "leaves_process", "remembers_file", "writes_data", "writes_outside"}


def bad(report: Report) -> list[str]:
    return [f"{one.name}: {one.by} ({one.said})" for one in report.outcomes if not one.ok]


@pytest.mark.child
def test_the_command_line_runs_the_evaluations_with_the_table_of_all_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.md"
    code = main(["redteam", "--kind", "evaluations", "--fast", "--json", "--table", str(path)])
    [report] = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in report["outcomes"]} == {f"evaluation/{name}" for name in FAST}
    text = path.read_text(encoding="utf-8")
    assert "| evaluation/writes | 1 |" in text and "| honest, refused | 1 | 0 |" in text
    assert report["level"] == "rlimits" or (code == 0 and "**5/5**" in text)


@pytest.mark.slow
def test_every_cheat_is_caught_at_every_level_that_separates_processes() -> None:
    for level in available_levels():
        report = run_evaluations(load_evaluations(), level)
        missed = [one for one in report.outcomes if not one.ok]
        assert level == "rlimits" or not missed, bad(report)
        assert {one.name.partition("/")[2] for one in missed} <= OPEN, bad(report)


def test_the_page_about_the_glass_names_every_evaluation_that_cheats() -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = {path.stem for path in (HERE / "cheats").glob("*.py")}
    assert names <= set(re.findall(r"^\| (\w+) \|", text, re.M))
