"""The tool that checks whether a repository is the code of a paper."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import anyio.from_thread
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from fumehood.doors.library import library_of, reader_of
from fumehood.doors.reading import PaperId
from fumehood.tooling import Toolbox, answer, in_thread
from fumehood_tools.reading.reading import ReadRequest
from fumehood_tools.validation.models import ComponentJudgement
from fumehood_tools.validation.tree import CodebaseValidation

if TYPE_CHECKING:
    from fumehood_tools.repositories import Checkout
    from fumehood_tools.validation.shelf import ValidationShelf


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
        paper: PaperId,
        repository: Annotated[
            str,
            Field(
                min_length=1,
                max_length=2000,
                description="URL, folder in the workspace, or pkg:NAME==VERSION",
            ),
        ],
        ctx: Context[None, None],
        judgements: Annotated[
            list[ComponentJudgement] | None,
            Field(max_length=50, description="Your own, one per component that the paper claims"),
        ] = None,
    ) -> Annotated[CallToolResult, CodebaseValidation]:
        """Check whether a repository is a paper's code: class, score, evidence with file and line.

        Needs read_paper first; runs none of the code. primary: the authors' code; secondary: a
        copy or re-implementation; mentioned; unknown: not decided, with what is missing. A method
        that is merely alike proves nothing. Next: read the files it names, then pass judgements:
        each quote is checked against the code, and a disagreement with the score is shown.
        Returns the tree of all repositories that were validated for the paper.
        """
        told: list[str] = []

        def tell(text: str) -> None:
            told.append(text)
            anyio.from_thread.run(ctx.report_progress, len(told), None, text)

        def work() -> CodebaseValidation:
            return _validated(toolbox, paper, repository, judgements or [], tell)

        found = await in_thread(work)
        return answer(found.text(), found)


def _validated(
    toolbox: Toolbox,
    paper: str,
    repository: str,
    judgements: list[ComponentJudgement],
    tell: Callable[[str], None],
) -> CodebaseValidation:
    from fumehood_tools.validation.judging import check_judgements
    from fumehood_tools.validation.validate import validate

    reader = reader_of(toolbox)
    reading, document = reader.find(ReadRequest(paper=paper)) or reader.shelf.get(paper)
    checkout = _opened(toolbox, repository)
    validated = validate(reading.paper, document, checkout, tell)
    checked = check_judgements(judgements, checkout, validated.validation.commit)
    return shelf_of(toolbox).put(reading, validated, checked)


def _opened(toolbox: Toolbox, repository: str) -> "Checkout":
    """Return the checkout of a repository. Only folders can be opened so far."""
    from fumehood_tools.repositories import local_checkout

    folder = (toolbox.settings.workspace / repository).resolve()
    return local_checkout(folder, repository)


def shelf_of(toolbox: Toolbox) -> "ValidationShelf":
    """Return the store of validations of this workspace."""
    from fumehood_tools.validation.shelf import ValidationShelf

    def make() -> ValidationShelf:
        return ValidationShelf(toolbox.settings, library_of(toolbox))

    return toolbox.service("validations", make)
