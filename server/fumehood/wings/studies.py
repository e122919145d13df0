"""The studies wing: the notebook of a research question, from its plan to its report."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Command, Wing
from fumehood_tools.wings import table

WING = Wing(
    name="studies",
    door="fumehood.doors.studies",
    tools=(
        "open_study",
        "read_study",
        "suggest_experiments",
        "plan_experiment",
        "judge_experiment",
        "record_reflection",
        "ask_holdout",
        "promote_variant",
        "write_report",
    ),
    guidance=Guidance(
        steps={
            "prepare": (Sentence("open_study: your notebook.", ("open_study",)),),
            "run": (Sentence("plan_experiment first: fresh seeds.", ("plan_experiment",)),),
            "judge": (
                Sentence("judge_experiment: its verdict.", ("judge_experiment",)),
                Sentence("record_reflection, write_report.", ("record_reflection", "write_report")),
                Sentence("read_study: what was tried.", ("read_study",)),
            ),
        },
    ),
    commands=(
        Command(
            "study",
            "read a study, drive it unattended, or export it for others to verify",
            "fumehood.study",
        ),
    ),
    declared=table.STUDIES,
)
