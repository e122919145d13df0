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
            "prepare": (Sentence("list_guides: tested code for packages.", ("list_guides",)),),
        },
    ),
    declared=table.GUIDES,
)
