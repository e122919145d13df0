"""A mistake in a guide is reported with its line and its remedy."""

import pytest
from fakes.planted_guide import guide_text

from fumehood_tools.guides.format import GuideInvalid, is_guide, parse_guide

TEXT = guide_text(["A healthy task", "Wrong output"])


def _line(of: str, text: str = TEXT) -> int:
    return text.splitlines().index(of) + 1


def test_a_guide_is_read_task_by_task() -> None:
    guide = parse_guide(TEXT, "mosslib.md")
    assert guide.front.package == "mosslib" and guide.front.version == "1.0.0"
    assert guide.purpose == "Grows mosses." and "mosslib.plant" in guide.gotchas
    assert [task.name for task in guide.tasks] == ["a-healthy-task", "wrong-output"]
    lines = TEXT.splitlines()
    for block in guide.blocks:
        assert lines[block.line - 1] == block.code.splitlines()[0]
    assert guide.blocks[1].expected == "4\n"


BROKEN = {
    "no front matter": (TEXT.split("---\n")[2], 1, "Start with lines between"),
    "not YAML": (TEXT.replace("ran: every block", "ran: every: block"), 7, "Quote texts"),
    "unknown field": (TEXT.replace("ran: every", "run: it\nran: every"), 7, "Fields are:"),
    "no version": (TEXT.replace("version: 1.0.0\n", ""), 1, "Fields are:"),
    "no day": (TEXT.replace("2026-11-30", "yesterday"), 6, "Write it as 2026-11-30"),
    "two titles": (TEXT.replace("## Cheat", "# Moss\n\n## Cheat"), 13, "Write one line"),
    "no purpose": (TEXT.replace("Grows mosses.\n", ""), 9, "Say in a paragraph"),
    "no table": (TEXT.replace("|", "/"), 13, "Write one with"),
    "odd section": (TEXT.replace("## Gotchas", "## Traps\n\n## Gotchas"), 0, "Move it into"),
    "lost section": (TEXT.replace("## Gotchas", ""), 0, "Add it; the sections are"),
    "no code": (
        TEXT.replace("```python\nimport mosslib\nhealthy", "```text\nhealthy"),
        21,
        "Add a",
    ),
    "no prerequisites": (TEXT.replace("**Prerequisites**", "Needs"), 21, "Add '**Prereq"),
    "no address": (TEXT.replace("### Wrong output", "### 苔"), 0, "Use letters a to z"),
    "same name": (TEXT.replace("### Wrong output", "### A healthy task"), 0, "Rename one"),
    "stray block": (TEXT + "\n```python\nx = 1\n```\n", 0, "Move it into a task"),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_mistake_names_its_line_and_its_remedy(mistake: str) -> None:
    text, line, remedy = BROKEN[mistake]
    with pytest.raises(GuideInvalid) as caught:
        parse_guide(text, "mosslib.md")
    said = str(caught.value)
    assert said.startswith(f"mosslib.md:{line or caught.value.line}: ") and remedy in said


def test_the_front_matter_of_a_skill_is_not_taken_for_a_guide() -> None:
    assert is_guide(TEXT)
    assert not is_guide("---\nname: moss\ndescription: grows moss\n---\n# Moss\n")
    assert not is_guide("# Moss\n\npackage: mosslib\nversion: 1\n")
