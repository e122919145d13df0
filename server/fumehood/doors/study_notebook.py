"""The tools that open a study and read it."""

from typing import TYPE_CHECKING, Annotated

from mcp.types import CallToolResult
from pydantic import Field

from fumehood.doors.arguments import Cursor
from fumehood.doors.library import reader_of
from fumehood.doors.records import shelf_of as records_of
from fumehood.tooling import Toolbox, answer
from fumehood_tools.errors import StorageFailed
from fumehood_tools.studies.entries import Budget, StudyOpened
from fumehood_tools.studies.hunts_seen import hunts_beside
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import StudyShelf, create_study, study_names
from fumehood_tools.studies.spending import spent_in_words
from fumehood_tools.studies.view import Detail, StudyPage, page_of, write_notebook
from fumehood_tools.timestamps import now

if TYPE_CHECKING:
    from fumehood_tools.studies.references.quotes import Sources

STUDY = "study://{study}"

StudyName = Annotated[str, Field(min_length=1, max_length=64, description="Name, e.g. 'threshold'")]
Prose = Annotated[str, Field(min_length=1, max_length=4_000)]


def shelf_of(toolbox: Toolbox) -> StudyShelf:
    """Return the workspace's cache of studies, which all tools of the server share."""
    return toolbox.service("studies", lambda: StudyShelf(toolbox.settings.workspace))


def lab_of(toolbox: Toolbox) -> Lab:
    """Return the workspace as it is now, read through the server's caches."""
    return Lab(toolbox.settings, records_of(toolbox), shelf_of(toolbox))


def sources_of(toolbox: Toolbox) -> "Sources":
    """Return where quotations are looked up: the papers that were read, and the packs."""
    from fumehood_tools.packing.shelf import PackShelf
    from fumehood_tools.studies.references.quotes import Sources

    packs = PackShelf(toolbox.settings.workspace)
    return Sources(lambda paper: reader_of(toolbox).get(paper), packs)


def page_after(toolbox: Toolbox, study: str) -> StudyPage:
    """Return the study after a new entry, and write its Markdown for people.

    If that file cannot be written, the page names it as a problem: the entry is there already, and
    an error would have the agent enter it twice.
    """
    found = shelf_of(toolbox).read(study)
    try:
        write_notebook(found, hunts_beside(lab_of(toolbox), found))
    except StorageFailed as error:
        found = found._replace(problems=(*found.problems, str(error)))
    return page_of(found)


def register(toolbox: Toolbox) -> None:
    """Declare the two tools and the resource."""
    _register_open(toolbox)
    _register_read(toolbox)


def _register_open(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Open a study",
        read_only=False,
        destructive=False,
        idempotent=False,
        open_world=False,
    )
    def open_study(
        study: Annotated[
            str,
            Field(
                min_length=1,
                max_length=64,
                description="New name: lower case, digits, - and _",
            ),
        ],
        question: Annotated[Prose, Field(description="What you want to find out")],
        background: Annotated[
            list[Prose] | None,
            Field(
                description="What is known: ids of papers, findings, codebases, guides, and why",
                max_length=50,
            ),
        ] = None,
        budget: Annotated[
            Budget | None, Field(description="Limits of all plans; default: none")
        ] = None,
        holdout_questions: Annotated[
            int, Field(ge=0, le=20, description="How often the sealed holdout may be asked")
        ] = 3,
    ) -> Annotated[CallToolResult, StudyPage]:
        """Open a study: the notebook of one research question, which only grows.

        Use it before the first experiment. Everything that belongs to the question is entered
        there, signed, and survives restarts: plans, jobs, verdicts, reflections, failed ideas.
        Next: plan_experiment.
        """
        from fumehood_tools.studies.background import checked_background

        opened = StudyOpened(
            question=question,
            background=checked_background(background or [], sources_of(toolbox)),
            budget=budget or Budget(),
            holdout_questions=holdout_questions,
            written=now(),
        )
        create_study(toolbox.settings.workspace, study, opened)
        page = page_after(toolbox, study)
        return answer(page.text(), page)


def _register_read(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Read a study",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def read_study(
        study: StudyName,
        detail: Annotated[
            Detail, Field(description="full: every entry, whole, page by page")
        ] = "summary",
        search: Annotated[
            str | None, Field(max_length=200, description="Only entries with all of these words")
        ] = None,
        entry: Annotated[int | None, Field(ge=1, description="Only this entry, whole")] = None,
        cursor: Cursor = None,
    ) -> Annotated[CallToolResult, StudyPage]:
        """Read a study: question, budget, plans, verdicts, reflections, what failed and why.

        Use it when you come back to a study, and before you try an idea (search finds what was
        tried). Entries that were edited or are gone are named. Next: see the answer.
        """
        found = shelf_of(toolbox).read(study)
        lab = lab_of(toolbox)
        spent = f"{spent_in_words(lab, found)} {hunts_beside(lab, found)}".strip()
        page = page_of(found, detail, search, entry, cursor, spent)
        return answer(page.text(), page, sparse=True)

    @toolbox.resource(STUDY, title="Study", mime_type="text/markdown")
    def study_summary(study: str) -> str:
        """Question, budget, newest plans, verdicts and reflections of a study."""
        return page_of(shelf_of(toolbox).read(study)).text()

    @toolbox.complete(STUDY, "study")
    def complete_study(begun: str) -> list[str]:
        return [name for name in study_names(toolbox.settings.workspace) if name.startswith(begun)]
