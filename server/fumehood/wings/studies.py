"""The studies wing: the notebook of a research question, from its plan to its report."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Wing
from fumehood_tools.wings import table

WING = Wing(
    name="studies",
    door="fumehood.doors.studies",
    tools=(
        "open_study",
        "suggest_experiments",
        "plan_experiment",
        "judge_experiment",
        "read_study",
    ),
    guidance=Guidance(
        steps={
            "prepare": (Sentence("open_study: your notebook.", ("open_study",)),),
            "judge": (Sentence("read_study: what was tried.", ("read_study",)),),
        },
    ),
    declared=table.STUDIES,
)
