"""The guides wing: what a package offers in this version, and guides whose every block was run."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Command, Wing
from fumehood_tools.wings import table

WING = Wing(
    name="guides",
    door="fumehood.doors.guides",
    tools=("list_guides", "read_guide", "check_guide", "survey_package"),
    guidance=Guidance(
        steps={
            "prepare": (
                Sentence("list_guides: tested code for packages.", ("list_guides",)),
                Sentence("survey_package: its real API.", ("survey_package",)),
            ),
        },
    ),
    commands=(
        Command(
            "guides",
            "list, read and check guides to packages, or export them as skills",
            "fumehood.guides",
        ),
    ),
    declared=table.GUIDES,
)
