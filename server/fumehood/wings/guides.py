"""The guides wing: guides to packages whose every block was run, and the check that runs them."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Wing
from fumehood_tools.wings import table

WING = Wing(
    name="guides",
    door="fumehood.doors.guides",
    tools=("list_guides", "read_guide", "check_guide"),
    guidance=Guidance(
        steps={
            "prepare": (
                Sentence(
                    "Before you write code for a package, look for it in list_guides.",
                    ("list_guides",),
                ),
                Sentence("read_guide shows one tested task.", ("read_guide",)),
                Sentence(
                    "check_guide runs the blocks of any Markdown or SKILL.md.", ("check_guide",)
                ),
            ),
        },
    ),
    declared=table.GUIDES,
)
