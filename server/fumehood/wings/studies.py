"""The studies wing: the notebook of a research question, from its plan to its report."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Command, Wing
from fumehood_tools.wings import table

WING = Wing(
    name="studies",
    door="fumehood.doors.studies",
    tools=("open_study", "read_study", "record_reflection", "write_report"),
    guidance=Guidance(
        steps={
            "prepare": (Sentence("open_study: your notebook.", ("open_study",)),),
            "judge": (Sentence("read_study: what was tried.", ("read_study",)),),
        },
    ),
    commands=(
        Command("study", "read a study, or export it for others to verify", "fumehood.study"),
    ),
    declared=table.STUDIES,
)
