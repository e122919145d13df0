"""Papers: search them, read them, record and compare what they say."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Wing
from fumehood_tools.wings import table

WING = Wing(
    name="papers",
    door="fumehood.doors.papers",
    guidance=Guidance(
        introduction=(Sentence("Find papers and read them.", ("search_papers",)),),
        purposes=(Sentence("to see what is known of an SAE idea", ("search_papers",)),),
        steps={
            "read": (
                Sentence(
                    "search_papers: does the idea exist? A source that failed is not evidence that "
                    "it does not.",
                    ("search_papers",),
                ),
                Sentence("read_paper shows what a paper says.", ("read_paper",)),
                Sentence(
                    "record_findings takes your reading of it, each statement with a quote that "
                    "must stand in the paper.",
                    ("record_findings",),
                ),
                Sentence(
                    "search_paper_text finds passages in papers that were read.",
                    ("search_paper_text",),
                ),
                Sentence(
                    "compare_papers puts what several papers say side by side.", ("compare_papers",)
                ),
            ),
        },
    ),
    declared=table.PAPERS,
)
