"""The code wing: find a paper's code, check that it is the paper's, and pack it for reading."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Wing
from fumehood_tools.wings import table

WING = Wing(
    name="code",
    door="fumehood.doors.code",
    tools=("find_codebases",),
    guidance=Guidance(
        steps={
            "read": (
                Sentence(
                    "find_codebases lists what may be a paper's code; that proves nothing.",
                    ("find_codebases",),
                ),
            ),
        },
    ),
    declared=table.CODE,
)
