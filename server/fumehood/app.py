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
from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.apps import client_supports_apps
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    Completion,
    CompletionArgument,
    CompletionContext,
    GetPromptResult,
    InputRequiredResult,
    PromptReference,
    ResourceTemplateReference,
)
from pydantic import ValidationError

from fumehood import __version__
from fumehood.at_work import still_at_work
from fumehood.instructions import Guidance, instructions_for
from fumehood.offered import Offered
from fumehood.outputs import MAX_CHARACTERS, OUTPUT_URI, Outputs, noted, page_limit, size_of
from fumehood.sent_args import as_meant
from fumehood.stdio import serve_stdio
from fumehood.strict_args import invalid_arguments, unknown_arguments
from fumehood.tooling import Toolbox, in_thread
from fumehood.wings import WINGS, Wing, choose_wings
from fumehood_tools.errors import BadRequest, FumehoodError, UnknownName
from fumehood_tools.settings import Settings
from fumehood_tools.wings.declared import Declared, imported, register_kinds

log = logging.getLogger("fumehood")

MAX_ERROR = 4000
"""Longest error text, in characters. Longer texts are logs, which read_job_log shows."""

MAX_COMPLETIONS = 100
"""The protocol's limit for the number of values in one completion."""


class FumehoodServer(MCPServer[None]):
    """An MCPServer with error messages that an agent can act on and results of bounded length."""

    def __init__(
        self,
        toolbox: Toolbox,
        guidance: Iterable[Guidance],
        offered: Offered,
        at_start: Iterable[str] = (),
    ) -> None:
        """at_start: functions "module:name" that take the settings, called when it starts."""
        super().__init__(
            "fumehood",
            title="fumehood",
            version=__version__,
            instructions=instructions_for(toolbox.tools, guidance),
            tools=[offered.described(tool) for tool in toolbox.tools.values()],
            lifespan=_in_the_background(toolbox, at_start),
            extensions=[*([toolbox.apps] * bool(toolbox.apps.resources())), *toolbox.extensions],
            log_level="WARNING",
        )
        self._toolbox, self._offered = toolbox, offered
        self._outputs = Outputs(toolbox.settings.state / "outputs")
        self._offer_outputs()
        self._offer_the_rest()

    async def run_stdio_async(self) -> None:
        """Serve one client over stdin and stdout until it leaves."""
        await serve_stdio(self._lowlevel_server)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool for an agent. Raises ToolError with text that says what to do next."""
        try:
            return await self._call(name, arguments, context)
        except FumehoodError as error:
            raise self._tool_error(f"{error.code}: {error}") from error
        except ToolError as wrapped:
            # The SDK wraps or replaces the message of the original error; recover the original.
            match wrapped.__cause__:
                case FumehoodError() as cause:
                    raise self._tool_error(f"{cause.code}: {cause}") from cause
                case ValidationError() as cause if not isinstance(wrapped, UnexpectedToolError):
                    raise self._tool_error(invalid_arguments(cause)) from cause
            raise

    async def _call(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None
    ) -> CallToolResult | InputRequiredResult:
        tool = self._toolbox.tools.get(name)
        if tool is None:
            if refusal := self._offered.refusal(name):
                raise ToolError(f"not_offered: {refusal}")
            raise UnknownName("tool", name, self._toolbox.tools, "Call one of these.")
        if complaint := unknown_arguments(arguments, tool.parameters):
            raise ToolError(complaint)
        sent = as_meant(arguments, tool.parameters)
        with still_at_work(tool, context):
            result = await super().call_tool(name, sent.arguments, context)
        if isinstance(result, InputRequiredResult):
            return result
        result, limited = await self._with_fewer_rows(tool, sent.arguments, context, result)
        if result.meta and not (context and client_supports_apps(context)):
            result = result.model_copy(update={"meta": None})
        result = noted(self._offered.result(result), [*sent.notes, *limited])
        return await in_thread(self._outputs.fit, tool, result)

    async def _with_fewer_rows(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        context: Context[None, Any] | None,
        result: CallToolResult,
    ) -> tuple[CallToolResult, list[str]]:
        """Repeat the call for a page that is too long with a lower limit, until it is not.

        A page cut to size would have a next_cursor that goes on after rows that were not shown. A
        search is repeated from the answers of the first call, even if that one asked for new ones.
        """
        again = {key: value for key, value in arguments.items() if key != "refresh"}
        limit = first_limit = page_limit(tool, arguments, result)
        while limit > 1 and (size := size_of(result)) > MAX_CHARACTERS:
            limit = min(limit - 1, max(1, limit * MAX_CHARACTERS * 9 // (size * 10)))
            shorter = await super().call_tool(tool.name, {**again, "limit": limit}, context)
            if not isinstance(shorter, CallToolResult):
                break
            result = shorter
        note = f"limit was lowered from {first_limit} to {limit}: a longer page is too long to show"
        return result, [] if limit == first_limit else [note]

    def _tool_error(self, text: str) -> ToolError:
        return ToolError(_bounded(self._offered.text(text)))

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[None, Any] | None = None,
    ) -> GetPromptResult | InputRequiredResult:
        """Return a prompt with its arguments filled in. Raises MCPError (invalid params)."""
        known = {prompt.name: prompt for prompt in self._toolbox.prompts}
        if name not in known:
            error = UnknownName("prompt", name, known, "prompts/list lists the prompts.")
            raise MCPError(INVALID_PARAMS, f"{error.code}: {error}")
        needed = [one.name for one in known[name].arguments or () if one.required]
        if missing := [one for one in needed if one not in (arguments or {})]:
            text = f"bad_request: The prompt {name} also needs {', '.join(missing)}."
            raise MCPError(INVALID_PARAMS, text)
        return await super().get_prompt(name, arguments, context)

    def _offer_the_rest(self) -> None:
        """Register the wings' prompts, resources and completions with the SDK."""
        for prompt in self._toolbox.prompts:
            self.add_prompt(prompt)
        for one in self._toolbox.resources:
            self.resource(one.uri, title=one.title, mime_type=one.mime_type)(one.read)
        self.completion()(self._complete)  # type: ignore[no-untyped-call]

    async def _complete(
        self,
        reference: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        name = reference.name if isinstance(reference, PromptReference) else reference.uri
        complete = self._toolbox.completions.get((name, argument.name))
        if complete is not None:
            values = list(await complete(argument.value))
        elif name == OUTPUT_URI:
            others = (context.arguments if context else None) or {}
            values = await in_thread(self._outputs.completions, argument, others)
        else:
            return None
        more = len(values) > MAX_COMPLETIONS
        return Completion(values=values[:MAX_COMPLETIONS], total=len(values), has_more=more)

    def _offer_outputs(self) -> None:
        outputs = self._outputs

        @self.resource(
            OUTPUT_URI,
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
    plain_schemas: bool = False,
    wings: Iterable[Wing] = WINGS,
) -> FumehoodServer:
    """Return the server for one workspace.

    toolsets: the names of the wings to offer, None for all that are on (`Wing.off`); the others are
    not imported.
    read_only: offer only tools that change nothing. plain_schemas: publish tools' schemas without
    `additionalProperties` and output schemas, on which some hosts fail. Logs go to stderr, unless
    logging is already configured. Raises UnknownName for a toolset that does not exist, BadRequest
    when the settings were loaded without the declarations of one of the wings.
    """
    wings = tuple(wings)
    _check_that_declared(wings, settings)
    register_kinds(settings.declared)
    off = {wing.name: wing.off(settings) for wing in wings} if toolsets is None else {}
    chosen = [wing for wing in choose_wings(toolsets, wings) if off.get(wing.name) is None]
    names = [wing.name for wing in chosen]
    toolbox = Toolbox(settings, read_only=read_only, plain_schemas=plain_schemas, toolsets=names)
    # This must come before MCPServer is built, which would install a handler that wraps lines at
    # 80 columns.
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    for wing in chosen:
        wing.open_door(toolbox)
    others = {
        tool: off.get(wing.name) or f"this server was started without the toolset {wing.name}"
        for wing in wings
        if wing not in chosen
        for tool in wing.tools
    }
    offered = Offered(toolbox.withheld | others)
    at_start = [wing.at_start for wing in wings if wing.at_start]
    return FumehoodServer(toolbox, [wing.guidance for wing in chosen], offered, at_start)


def _check_that_declared(wings: Iterable[Wing], settings: Settings) -> None:
    for wing in wings:
        if wing.declared not in (Declared(), *settings.declared):
            raise BadRequest(
                f"The settings were loaded without the declarations of the wing {wing.name}. Load "
                "them with load_settings(declared=declared_by(wings))."
            )


def _in_the_background(
    toolbox: Toolbox, at_start: Iterable[str]
) -> Callable[[MCPServer[None]], contextlib.AbstractAsyncContextManager[None]]:
    """Return a lifespan that starts the jobs left in the queue, and what wings do at the start."""
    settings = toolbox.settings

    async def run(doing: str, call: Callable[[], object]) -> None:
        try:
            await in_thread(call)
        except FumehoodError as error:
            log.warning("%s failed at the start: %s", doing, error)

    @contextlib.asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            if settings.state.is_dir() and not toolbox.read_only:
                tasks.start_soon(run, "Advancing the job queue", lambda: toolbox.jobs.pump())
                for dotted in at_start:
                    tasks.start_soon(run, dotted, lambda dotted=dotted: imported(dotted)(settings))
            yield
            tasks.cancel_scope.cancel()

    return lifespan


def _bounded(text: str) -> str:
    if len(text) <= MAX_ERROR:
        return text
    return text[: MAX_ERROR // 2] + "\n[…]\n" + text[-MAX_ERROR // 2 :]
