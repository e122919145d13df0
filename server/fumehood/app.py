"""The server: which tools it offers, and what happens around every call of one.

`build_server` imports no torch and no numpy, opens no port and starts nothing: it is ready in
under a second. Around a call, in this order: the tool must exist, no argument may be unknown, a
`FumehoodError` becomes text that begins with its code, and a long result is cut (`outputs`).
Any other exception is a bug: its traceback goes to stderr, the agent sees that the tool failed.
"""

import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.server.apps import client_supports_apps
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError, UnexpectedToolError
from mcp.types import CallToolResult, InputRequiredResult
from pydantic import ValidationError

from fumehood import __version__
from fumehood.doors import DOORS
from fumehood.instructions import instructions_for
from fumehood.outputs import Outputs
from fumehood.strict_args import invalid_arguments, unknown_arguments
from fumehood.tooling import Toolbox, choose_toolsets, in_thread
from fumehood.views import views
from fumehood_tools.errors import FumehoodError, UnknownName
from fumehood_tools.settings import Settings

Door = Callable[[Toolbox], None]

log = logging.getLogger("fumehood")

MAX_ERROR = 4000
"""Characters of an error's text: more would be a log, and those have their own reader."""


class FumehoodServer(MCPServer[None]):
    """An MCPServer whose refusals an agent can act on and whose results have a bounded length."""

    def __init__(self, toolbox: Toolbox) -> None:
        super().__init__(
            "fumehood",
            title="fumehood",
            version=__version__,
            instructions=instructions_for(toolbox.tools),
            tools=list(toolbox.tools.values()),
            lifespan=_advance_the_queue(toolbox),
            extensions=[views()],
            log_level="WARNING",
        )
        self._toolbox = toolbox
        self._outputs = Outputs(toolbox.settings.state / "outputs")
        self._offer_outputs()

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool as an agent does. Raises ToolError with text that says what to do next."""
        try:
            return await self._call(name, arguments, context)
        except FumehoodError as error:
            raise ToolError(_bounded(f"{error.code}: {error}")) from error
        except ToolError as wrapped:
            # What the SDK raises is its own text around the cause, or instead of it.
            match wrapped.__cause__:
                case FumehoodError() as cause:
                    raise ToolError(_bounded(f"{cause.code}: {cause}")) from cause
                case ValidationError() as cause if not isinstance(wrapped, UnexpectedToolError):
                    raise ToolError(_bounded(invalid_arguments(cause))) from cause
            raise

    async def _call(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None
    ) -> CallToolResult | InputRequiredResult:
        tool = self._toolbox.tools.get(name)
        if tool is None:
            raise UnknownName("tool", name, self._toolbox.tools, "Call one of these.")
        if complaint := unknown_arguments(arguments, tool.parameters):
            raise ToolError(complaint)
        result = await super().call_tool(name, arguments, context)
        if isinstance(result, InputRequiredResult):
            return result
        if result.meta and not (context and client_supports_apps(context)):
            result = result.model_copy(update={"meta": None})
        return await in_thread(self._outputs.fit, tool, result)

    def _offer_outputs(self) -> None:
        outputs = self._outputs

        @self.resource(
            "fumehood://outputs/{name}/{page}",
            title="A long result, page by page",
            mime_type="text/plain",
        )
        async def read_output(name: str, page: str) -> str:
            """One page of a result that was too long to be returned whole. Pages count from 1."""
            if not page.isdecimal():
                raise ResourceNotFoundError(f"Page {page!r} is not a number. Pages count from 1.")
            return await in_thread(outputs.read, name, int(page))


def build_server(
    settings: Settings,
    toolsets: Iterable[str] | None = None,
    read_only: bool = False,
    *,
    doors: Iterable[Door] = DOORS,
) -> FumehoodServer:
    """Return the server for one workspace.

    toolsets: the names of those to offer, None for all. read_only: offer only tools that change
    nothing. Logs go to stderr, unless logging has been set up already.
    Raises UnknownName for a toolset that does not exist.
    """
    toolbox = Toolbox(settings, choose_toolsets(toolsets), read_only=read_only)
    # Before MCPServer is built: it would install a handler that wraps at 80 columns.
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    for register in doors:
        register(toolbox)
    return FumehoodServer(toolbox)


def _advance_the_queue(
    toolbox: Toolbox,
) -> Callable[[MCPServer[None]], contextlib.AbstractAsyncContextManager[None]]:
    """Return a lifespan that starts, beside the first answers, what was left waiting in a queue."""

    async def advance() -> None:
        try:
            await in_thread(lambda: toolbox.jobs.pump())
        except FumehoodError as error:
            log.warning("The job queue could not be advanced: %s", error)

    @contextlib.asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            if toolbox.settings.state.is_dir() and not toolbox.read_only:
                tasks.start_soon(advance)
            yield
            tasks.cancel_scope.cancel()

    return lifespan


def _bounded(text: str) -> str:
    if len(text) <= MAX_ERROR:
        return text
    return text[: MAX_ERROR // 2] + "\n[…]\n" + text[-MAX_ERROR // 2 :]
