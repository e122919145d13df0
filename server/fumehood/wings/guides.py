"""The guides wing: what a Python package offers, as it really is in the version at hand."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Wing
from fumehood_tools.wings import table

WING = Wing(
    name="guides",
    door="fumehood.doors.guides",
    tools=("survey_package",),
    guidance=Guidance(
        steps={
            "prepare": (
                Sentence("survey_package shows a package's real API.", ("survey_package",)),
            ),
        },
    ),
    declared=table.GUIDES,
)
