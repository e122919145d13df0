"""The MCP server: the tools it offers, and the handling of every tool call.

`build_server` does not import torch or numpy, open a port or start a process, so it is ready in
under a second. Every call is handled in this order: the tool must exist; unknown arguments are
refused; a `FumehoodError` becomes text that begins with its code; a long result is cut (`outputs`).
Any other exception is a bug: its traceback goes to stderr, and the agent sees that the tool failed.
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
from mcp.types import (
    CallToolResult,
    Completion,
    CompletionArgument,
    CompletionContext,
    InputRequiredResult,
    PromptReference,
    ResourceTemplateReference,
)
from pydantic import ValidationError

from fumehood import __version__
from fumehood.instructions import Guidance, instructions_for
from fumehood.outputs import Outputs
from fumehood.strict_args import invalid_arguments, unknown_arguments
from fumehood.tooling import Toolbox, in_thread
from fumehood.wings import WINGS, Wing, choose_wings
from fumehood_tools.errors import BadRequest, FumehoodError, UnknownName
from fumehood_tools.settings import Settings
from fumehood_tools.wings.declared import Declared, register_kinds

log = logging.getLogger("fumehood")

MAX_ERROR = 4000
"""Longest error text, in characters. Longer texts are logs, which read_job_log shows."""

MAX_COMPLETIONS = 100
"""The protocol's limit for the number of values in one completion."""


class FumehoodServer(MCPServer[None]):
    """An MCPServer with error messages that an agent can act on and results of bounded length."""

    def __init__(self, toolbox: Toolbox, guidance: Iterable[Guidance]) -> None:
        super().__init__(
            "fumehood",
            title="fumehood",
            version=__version__,
            instructions=instructions_for(toolbox.tools, guidance),
            tools=list(toolbox.tools.values()),
            lifespan=_advance_the_queue(toolbox),
            extensions=[toolbox.apps] if toolbox.apps.resources() else [],
            log_level="WARNING",
        )
        self._toolbox = toolbox
        self._outputs = Outputs(toolbox.settings.state / "outputs")
        self._offer_outputs()
        self._offer_the_rest()

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool for an agent. Raises ToolError with text that says what to do next."""
        try:
            return await self._call(name, arguments, context)
        except FumehoodError as error:
            raise ToolError(_bounded(f"{error.code}: {error}")) from error
        except ToolError as wrapped:
            # The SDK wraps or replaces the message of the original error; recover the original.
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

    def _offer_the_rest(self) -> None:
        """Register the wings' prompts, resources and completions with the SDK."""
        for prompt in self._toolbox.prompts:
            self.add_prompt(prompt)
        for one in self._toolbox.resources:
            self.resource(one.uri, title=one.title, mime_type=one.mime_type)(one.read)
        if self._toolbox.completions:
            self.completion()(self._complete)  # type: ignore[no-untyped-call]

    async def _complete(
        self,
        reference: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        _: CompletionContext | None,
    ) -> Completion | None:
        name = reference.name if isinstance(reference, PromptReference) else reference.uri
        complete = self._toolbox.completions.get((name, argument.name))
        if complete is None:
            return None
        values = list(await complete(argument.value))
        more = len(values) > MAX_COMPLETIONS
        return Completion(values=values[:MAX_COMPLETIONS], total=len(values), has_more=more)

    def _offer_outputs(self) -> None:
        outputs = self._outputs

        @self.resource(
            "fumehood://outputs/{name}/{page}",
            title="A long result, page by page",
            mime_type="text/plain",
        )
        async def read_output(name: str, page: str) -> str:
            """One page of a result that was too long to be returned whole. Pages start at 1."""
            if not page.isdecimal():
                raise ResourceNotFoundError(f"Page {page!r} is not a number. Pages start at 1.")
            return await in_thread(outputs.read, name, int(page))


def build_server(
    settings: Settings,
    toolsets: Iterable[str] | None = None,
    read_only: bool = False,
    *,
    wings: Iterable[Wing] = WINGS,
) -> FumehoodServer:
    """Return the server for one workspace.

    toolsets: the names of the wings to offer, None for all; the others are not imported.
    read_only: offer only tools that change nothing. Logs go to stderr, unless logging is already
    configured. Raises UnknownName for a toolset that does not exist, BadRequest when the settings
    were loaded without the declarations of one of the wings.
    """
    wings = tuple(wings)
    _check_that_declared(wings, settings)
    register_kinds(settings.declared)
    chosen = choose_wings(toolsets, wings)
    toolbox = Toolbox(settings, read_only=read_only)
    # This must come before MCPServer is built, which would install a handler that wraps lines at
    # 80 columns.
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    for wing in chosen:
        wing.open_door(toolbox)
    return FumehoodServer(toolbox, [wing.guidance for wing in chosen])


def _check_that_declared(wings: Iterable[Wing], settings: Settings) -> None:
    for wing in wings:
        if wing.declared not in (Declared(), *settings.declared):
            raise BadRequest(
                f"The settings were loaded without the declarations of the wing {wing.name}. Load "
                "them with load_settings(declared=declared_by(wings))."
            )


def _advance_the_queue(
    toolbox: Toolbox,
) -> Callable[[MCPServer[None]], contextlib.AbstractAsyncContextManager[None]]:
    """Return a lifespan that starts the jobs left waiting in the queue, in the background."""

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
