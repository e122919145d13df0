"""The tools that record reflections and write reports of a study."""

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from fumehood.doors.library import library_of
from fumehood.doors.records import shelf_of as records_of
from fumehood.doors.study_notebook import Prose, StudyName, page_after, shelf_of, sources_of
from fumehood.tooling import Toolbox, answer
from fumehood_tools.studies.references.resolving import Resolver
from fumehood_tools.studies.reflecting import MOST_EVIDENCE, NewNote
from fumehood_tools.studies.reflecting import record_reflection as record

_PART = "Markdown; numbers only as {{references}}"
Part = Annotated[str, Field(min_length=1, max_length=20_000, description=_PART)]
LikePlan = Annotated[str, Field(min_length=1, max_length=20_000, description="As plan")]


class ReflectionRecorded(BaseModel):
    """What was entered."""

    entries: list[int] = Field(description="the reflection, then its notes")
    evidence: dict[str, str] = Field(description="reference -> what it says")
    next: str


class ReportResult(BaseModel):
    """A report that was written."""

    entry: int
    markdown: str = Field(description="path in the workspace")
    html: str = Field(description="path; one file without network")
    numbers: int
    receipts: int
    exploratory: list[str] = Field(description="references marked EXPLORATORY")
    notes: list[str]
    next: str


def register(toolbox: Toolbox) -> None:
    """Declare the two tools."""
    _register_reflection(toolbox)
    _register_report(toolbox)


def resolver_of(toolbox: Toolbox, study: str) -> Resolver:
    """Return what resolves the references of a study. Made for one call."""
    workspace, sources = toolbox.settings.workspace, sources_of(toolbox)
    return Resolver(workspace, study, shelf_of(toolbox), records_of(toolbox), sources)


def _register_reflection(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Record a reflection",
        read_only=False,
        destructive=False,
        idempotent=False,
        open_world=False,
    )
    def record_reflection(
        study: StudyName,
        insight: Annotated[Prose, Field(description="What was learned; {{references}} allowed")],
        next_step: Annotated[Prose, Field(description="What you will do next")],
        evidence: Annotated[
            list[str],
            Field(
                description="score:SANDBOX/LABEL/SEED#METRIC, mean:SANDBOX/LABEL#METRIC, "
                "conclusion:ENTRY/VARIANT#effect (or verdict, p_adjusted …), holdout:…, plan:ENTRY#"
                'FIELD, entry:N, quote:PAPER "words", pack:PACK/PATH#FIRST-LAST',
                max_length=MOST_EVIDENCE,
            ),
        ],
        notes: Annotated[
            list[NewNote] | None,
            Field(description="Hypotheses, ideas, decisions", max_length=20),
        ] = None,
    ) -> Annotated[CallToolResult, ReflectionRecorded]:
        """Enter an insight and the next step in a study, with evidence that is checked.

        Use it after judge_experiment, and for every idea that failed. Numbers and verdicts in the
        insight must be in the evidence; what you only suspect is a note. Returns what each
        reference says. Next: see the answer.
        """
        resolver = resolver_of(toolbox, study)
        done = record(resolver, insight, next_step, evidence, notes or [])
        found = {one.reference: one.found for one in done.evidence}
        result = ReflectionRecorded(
            entries=done.entries, evidence=found, next=page_after(toolbox, study).next
        )
        numbers = ", ".join(map(str, done.entries))
        lines = [
            f"Entered in {study}: {numbers}.",
            *(f"- {ref}: {said}" for ref, said in found.items()),
        ]
        return answer("\n".join([*lines, f"Next: {result.next}"]), result)


def _register_report(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Write a report",
        read_only=False,
        destructive=False,
        idempotent=False,
        open_world=False,
    )
    def write_report(
        study: StudyName,
        title: Annotated[str, Field(min_length=1, max_length=200, description="No numbers")],
        plan: Part,
        code: LikePlan,
        walk_through: LikePlan,
        results: LikePlan,
        limitations: LikePlan,
    ) -> Annotated[CallToolResult, ReportResult]:
        """Write the report of a study: Markdown and one HTML file, with figures.

        You write five parts. We add plans, sources and diffs, all claims and means, every try with
        its failures, commands, BibTeX and the ledger's head. A typed number or verdict is refused
        with its place: write {{mean:SANDBOX/LABEL#METRIC}}, {{conclusion:ENTRY/VARIANT#verdict}} …
        as in record_reflection. Next: `fumehood study export` for others.
        """
        from fumehood_tools.studies.report import writing

        prose = writing.Prose(
            plan=plan,
            code=code,
            walk_through=walk_through,
            results=results,
            limitations=limitations,
        )
        done = writing.write_report(
            resolver_of(toolbox, study),
            title,
            prose,
            records_of(toolbox),
            lambda name: library_of(toolbox).find(name),
            toolbox.settings.cache / "matplotlib",
        )
        page_after(toolbox, study)
        following = f"fumehood study export {study} --to {study}.zip, on the command line"
        result = ReportResult(**done.model_dump(), next=following)
        lines = [
            f"Report {done.entry} of {study}: {done.numbers} numbers, {done.receipts} receipts.",
            f"Markdown: {done.markdown}",
            f"HTML: {done.html}",
            *(f"EXPLORATORY: {one}" for one in done.exploratory),
            *(f"! {note}" for note in done.notes),
            f"Next: {following}",
        ]
        return answer("\n".join(lines), result)
