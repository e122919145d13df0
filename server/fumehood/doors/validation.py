"""The tool that checks whether a repository is the code of a paper."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from fumehood.doors.library import library_of
from fumehood.doors.reading import SamePaper, read_now
from fumehood.doors.waiting import progress_from_thread
from fumehood.tooling import Toolbox, answer, in_thread_with
from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import RepositoryFailed
from fumehood_tools.reading.reading import Reading
from fumehood_tools.validation.models import ComponentJudgement
from fumehood_tools.validation.tree import CodebaseValidation

if TYPE_CHECKING:
    from fumehood_tools.reading.document import Document
    from fumehood_tools.repositories import Checkout
    from fumehood_tools.validation.shelf import ValidationShelf


WAIT_SECONDS = 40.0
"""How long a call waits for a repository to be fetched."""


def register(toolbox: Toolbox) -> None:
    """Declare the tool that validates repositories."""

    @toolbox.tool(
        title="Validate a codebase",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=True,
    )
    async def validate_codebase(
        paper: SamePaper,
        repository: Annotated[
            str,
            Field(
                min_length=1,
                max_length=2000,
                description="URL, owner/name, pkg:NAME==VERSION, folder or archive",
            ),
        ],
        ctx: Context[None, None],
        judgements: Annotated[
            list[ComponentJudgement] | None,
            Field(max_length=50, description="Your own, one per component that the paper claims"),
        ] = None,
    ) -> Annotated[CallToolResult, CodebaseValidation]:
        """Check whether a repository is a paper's code: class, score, evidence with file and line.

        Runs none of the code. primary: the authors' code; secondary: a copy or re-implementation;
        mentioned; unknown: not decided, with what is missing. A method that is merely alike proves
        nothing. Next: read the files it names, then pass judgements: each quote is checked against
        the code, and a disagreement with the score is shown.
        Returns the tree of all repositories that were validated for the paper.
        """
        read = await read_now(toolbox, paper, ctx)
        tell = progress_from_thread(ctx)

        from fumehood_tools.repositories import Limits, deadline_for

        deadline = deadline_for(Limits(seconds=WAIT_SECONDS))

        def work() -> CodebaseValidation:
            checkout = _opened(toolbox, repository, deadline, tell)
            return _validated(toolbox, *read, checkout, judgements or [], tell)

        found = await in_thread_with(deadline, work)
        return answer(found.text(), found)


def _opened(
    toolbox: Toolbox, repository: str, deadline: Deadline, tell: Callable[[str], None]
) -> "Checkout":
    from fumehood_tools.repositories import open_checkout

    try:
        return open_checkout(repository, settings=toolbox.settings, deadline=deadline, tell=tell)
    except RepositoryFailed as error:
        if error.status != "timeout":
            raise
        raise RepositoryFailed(
            "timeout",
            f"It was not fetched within {WAIT_SECONDS:.0f} s. Call pack_repository for it, which "
            "keeps it, and then validate_codebase again.",
        ) from error


def _validated(
    toolbox: Toolbox,
    reading: Reading,
    document: "Document",
    checkout: "Checkout",
    judgements: list[ComponentJudgement],
    tell: Callable[[str], None],
) -> CodebaseValidation:
    from fumehood_tools.validation.judging import check_judgements
    from fumehood_tools.validation.validate import validate

    validated = validate(reading.paper, document, checkout, tell)
    checked = check_judgements(judgements, checkout, validated.validation.commit)
    return shelf_of(toolbox).put(reading, validated, checked)


def shelf_of(toolbox: Toolbox) -> "ValidationShelf":
    """Return the store of validations of this workspace."""
    from fumehood_tools.validation.shelf import ValidationShelf

    def make() -> ValidationShelf:
        return ValidationShelf(toolbox.settings, library_of(toolbox))

    return toolbox.service("validations", make)
