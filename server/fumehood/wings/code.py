"""The code wing: find a paper's code, check that it is the paper's, and pack it for reading."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Wing
from fumehood_tools.wings import table

WING = Wing(
    name="code",
    door="fumehood.doors.code",
    tools=("validate_codebase",),
    guidance=Guidance(
        steps={
            "read": (
                Sentence(
                    "validate_codebase checks that code is the paper's before you build on it.",
                    ("validate_codebase",),
                ),
            ),
        },
    ),
    declared=table.CODE,
)
