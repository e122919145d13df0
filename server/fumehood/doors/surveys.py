"""The tool that surveys a Python package."""

from typing import TYPE_CHECKING, Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from fumehood.doors.arguments import Cursor
from fumehood.doors.waiting import progress_from_thread
from fumehood.tooling import Toolbox, answer, in_thread
from fumehood_tools.surveys.paging import Asked, page_of
from fumehood_tools.surveys.surveying import Request
from fumehood_tools.surveys.view import Part, SurveyPage

if TYPE_CHECKING:
    from fumehood_tools.surveys.surveying import Surveys


def register(toolbox: Toolbox) -> None:
    """Declare the tool that surveys packages."""

    @toolbox.tool(
        title="Survey a package",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=True,
    )
    async def survey_package(
        package: Annotated[
            str,
            Field(
                min_length=1,
                max_length=1000,
                description="Distribution or import name, or a folder",
            ),
        ],
        ctx: Context[None, None],
        version: Annotated[
            str, Field(max_length=100, description="Default: installed, else newest")
        ] = "",
        part: Part = "overview",
        name: Annotated[str, Field(max_length=500, description="One object or module")] = "",
        against: Annotated[
            str, Field(max_length=100, description="Other version, for changes")
        ] = "",
        query: Annotated[str, Field(max_length=200, description="Words to filter by")] = "",
        published: Annotated[
            bool, Field(description="Not the installed files but the index's: with tests and docs")
        ] = False,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        cursor: Cursor = None,
    ) -> Annotated[CallToolResult, SurveyPage]:
        """Look up a Python package's real API before you write code with it; runs none of it.

        Signatures, docstrings, uses, snippets, files, and what changed between two versions, most
        needed first, with what static reading cannot see. Next: name=<object> for one of them.
        """
        request = Request(package, version, published)
        asked = Asked(request, part, name, against, query, limit, cursor)
        tell = progress_from_thread(ctx)

        page = await in_thread(page_of, surveys_of(toolbox), asked, tell)
        return answer(page.text(), page, sparse=True)


def surveys_of(toolbox: Toolbox) -> "Surveys":
    """Return the surveys of this server's cache."""
    from fumehood_tools.surveys.surveying import Surveys

    return toolbox.service("surveys", lambda: Surveys(toolbox.settings))
