"""The red team of custom evaluations: no cheat gets through, and nobody honest is refused."""

import re
from pathlib import Path

import pytest
from redteam.evaluation_bench import HERE, Outcome, run_cases, table

from fumehood_tools.glass import available_levels

FAST = ("constant", "told_by_sum", "remembers_file", "writes_outside", "undeclared", "probe")
PAGE = Path(__file__).parents[2] / "docs" / "glass.md"
# What this level does not separate; docs/glass.md names it.
OPEN = {"calls_home", "leaves_process", "remembers_file", "writes_data", "writes_outside"}


def bad(outcomes: list[Outcome]) -> list[str]:
    return [f"{one.name}: {one.by} ({one.said})" for one in outcomes if not one.ok]


@pytest.mark.child
def test_the_fast_subset_is_caught_and_an_honest_one_is_measured(tmp_path: Path) -> None:
    level = available_levels()[0]
    outcomes = run_cases(tmp_path.resolve(), level, FAST)
    assert len(outcomes) == len(FAST)
    assert level == "rlimits" or not bad(outcomes)


@pytest.mark.slow
def test_every_cheat_is_caught_at_every_level_that_separates_processes(tmp_path: Path) -> None:
    by_level = {}
    for level in available_levels():
        root = tmp_path / level
        root.mkdir()
        by_level[level] = run_cases(root.resolve(), level)
        missed = [one for one in by_level[level] if not one.ok]
        assert level == "rlimits" or not missed, bad(missed)
        assert {one.name for one in missed} <= OPEN, bad(missed)
    print(table(by_level))


def test_the_page_about_the_glass_names_every_evaluation_that_cheats() -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = {path.stem for path in (HERE / "cheats").glob("*.py")}
    assert names <= set(re.findall(r"^\| (\w+) \|", text, re.M))
