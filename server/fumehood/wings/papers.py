"""The papers wing: search papers, read them, record and compare their findings."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Wing
from fumehood_tools.wings import table

WING = Wing(
    name="papers",
    door="fumehood.doors.papers",
    tools=(
        "search_papers",
        "read_paper",
        "search_paper_text",
        "record_findings",
        "compare_papers",
    ),
    guidance=Guidance(
        introduction=(Sentence("Find papers and read them.", ("search_papers",)),),
        purposes=(Sentence("to see what is known about an SAE idea", ("search_papers",)),),
        steps={
            "read": (
                Sentence(
                    "search_papers: does the idea exist? A failed source is no evidence that "
                    "it does not.",
                    ("search_papers",),
                ),
                Sentence("read_paper shows its text.", ("read_paper",)),
                Sentence(
                    "record_findings stores findings and quotes.",
                    ("record_findings",),
                ),
                Sentence(
                    "search_paper_text finds passages.",
                    ("search_paper_text",),
                ),
                Sentence(
                    "compare_papers compares findings.",
                    ("compare_papers",),
                ),
            ),
        },
    ),
    declared=table.PAPERS,
)
