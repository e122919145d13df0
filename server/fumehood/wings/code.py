"""The code wing: find a paper's code, check that it is the paper's, and pack it for reading."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Wing
from fumehood_tools.wings import table

WING = Wing(
    name="code",
    door="fumehood.doors.code",
    tools=("find_codebases", "validate_codebase", "pack_repository", "read_pack"),
    guidance=Guidance(
        steps={
            "read": (
                Sentence(
                    "find_codebases looks for a paper's code.",
                    ("find_codebases",),
                ),
                Sentence(
                    "validate_codebase checks it.",
                    ("validate_codebase",),
                ),
                Sentence("pack_repository packs code.", ("pack_repository",)),
                Sentence("read_pack reads it.", ("read_pack",)),
            ),
        },
    ),
    declared=table.CODE,
)
