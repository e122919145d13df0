"""The code wing: find a paper's code, check that it is the paper's, and pack it for reading."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Wing
from fumehood_tools.wings import table

WING = Wing(
    name="code",
    door="fumehood.doors.code",
    tools=("pack_repository", "read_pack"),
    guidance=Guidance(
        steps={
            "read": (
                Sentence(
                    "pack_repository puts a repository's text into one file, or into a number of "
                    "tokens; read_pack shows, searches and pages it.",
                    ("pack_repository", "read_pack"),
                ),
            ),
        },
    ),
    declared=table.CODE,
)
