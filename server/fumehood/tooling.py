"""How a door declares its tools, prompts and resources, and how a tool returns its result.

    def register(toolbox: Toolbox) -> None:
        @toolbox.tool(title="List jobs", read_only=True, destructive=False,
                      idempotent=True, open_world=False)
        def list_jobs(limit: Limit = 20) -> Annotated[CallToolResult, JobList]:
            '''Docstring for the agent: when to use it, what comes back, what to call next.'''
            return answer("2 jobs …", JobList(...))

A tool may be `def` or `async def`. A `def` tool runs in a thread that is abandoned when the caller
disconnects, so that it never delays a shutdown. So it must be safe to interrupt at any point.
A tool raises FumehoodError; `app.FumehoodServer` turns that into the text for the agent. `prompt`,
`resource` and `complete` declare the other features of MCP, and `extensions` has the extensions of
the protocol. Objects that tools share are created at first use with `toolbox.service`.
"""

import base64
import functools
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar, get_args, get_origin

import anyio.to_thread
from mcp import MCPError
from mcp.server.apps import Apps
from mcp.server.extension import Extension
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.tools import Tool
from mcp.types import INVALID_PARAMS, CallToolResult, ImageContent, TextContent, ToolAnnotations
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from fumehood.strict_args import close_the_schema
from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import FumehoodError, StorageFailed
from fumehood_tools.jobs import JobStore
from fumehood_tools.jobs.table import TABLE_FILE
from fumehood_tools.settings import Settings, load_keys
from fumehood_tools.temporary import process_folder
from fumehood_tools.wings.declared import slots_of

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
AnyCall = TypeVar("AnyCall", bound=Callable[..., Any])
Call = TypeVar("Call", bound=Callable[..., CallToolResult | Awaitable[CallToolResult]])


class Toolbox:
    """Collects what the doors declare. With read_only, tools that change things are withheld."""

    def __init__(
        self,
        settings: Settings,
        *,
        read_only: bool = False,
        plain_schemas: bool = False,
        toolsets: Iterable[str] = (),
    ) -> None:
        """plain_schemas: publish schemas for hosts that fail on some keywords (`strict_args`).

        toolsets: the names of the wings that the server offers.
        """
        self.settings, self.toolsets = settings, frozenset(toolsets)
        self.read_only, self.plain_schemas = read_only, plain_schemas
        self.tools: dict[str, Tool] = {}
        self.withheld: dict[str, str] = {}
        self.prompts: list[Prompt] = []
        self.resources: list[OfferedResource] = []
        self.completions: dict[tuple[str, str], Callable[[str], Awaitable[Iterable[str]]]] = {}
        self.apps = Apps()
        self.extensions: list[Extension] = []
        self._services: dict[str, Any] = {}
        self._lock = threading.RLock()

    @property
    def jobs(self) -> JobStore:
        """The workspace's job table. It is created at first use, not when the server starts."""
        state, slots = self.state_with(TABLE_FILE), slots_of(self.settings.declared)
        return self.service(f"jobs in {state}", lambda: JobStore(state, defaults=slots))

    def state_with(self, file: str) -> Path:
        """Return the folder in which an internal file of the workspace is, or may be created.

        A read-only server creates no file in the workspace. It looks at a missing one as if it were
        empty, which is one in a temporary folder.
        """
        state = self.settings.state
        if not self.read_only or (state / file).exists():
            return state
        return self.service("empty state", lambda: process_folder("fumehood-read-only-"))

    @property
    def keys(self) -> dict[str, SecretStr]:
        """The API keys of all wings that are set in this process."""
        return load_keys(declared=self.settings.declared)

    def service(self, name: str, make: Callable[[], S]) -> S:
        """Return the object that all doors share under this name; `make` creates it once."""
        with self._lock:
            if name not in self._services:
                self._services[name] = make()
            service: S = self._services[name]
            return service

    def tool(
        self,
        *,
        title: str,
        read_only: bool,
        destructive: bool,
        idempotent: bool,
        open_world: bool,
        view: str | None = None,
        without: Iterable[str] = (),
    ) -> Callable[[Call], Call]:
        """Register the decorated function as a tool under its own name; returns it unchanged.

        view: the ui:// address of the view that draws its result in clients with MCP Apps.
        without: names of optional arguments that this server does not offer.
        """
        hints = ToolAnnotations(
            read_only_hint=read_only,
            destructive_hint=destructive,
            idempotent_hint=idempotent,
            open_world_hint=open_world,
        )

        def register(call: Call) -> Call:
            made = agent_tool(call, title, hints, view, plain=self.plain_schemas, without=without)
            if made.name in self.tools:
                raise ValueError(f"two tools are called {made.name}")
            if read_only or not self.read_only:
                self.tools[made.name] = made
            else:
                self.withheld[made.name] = "this server was started with --read-only"
            return call

        return register

    def prompt(self, *, title: str) -> Callable[[AnyCall], AnyCall]:
        """Register the decorated function as a prompt under its own name; returns it unchanged.

        The function returns the text of the prompt. Its docstring is shown to people.
        """

        def register(call: AnyCall) -> AnyCall:
            text = inspect.cleandoc(call.__doc__ or "")
            made = Prompt.from_function(explained(call), call.__name__, title, text)
            self.prompts.append(made)
            return call

        return register

    def resource(
        self, uri: str, *, title: str, mime_type: str = "text/plain"
    ) -> Callable[[AnyCall], AnyCall]:
        """Register the decorated function as the reader of a resource; returns it unchanged.

        uri: with the function's parameters in braces. The function returns text or bytes.
        """

        def register(call: AnyCall) -> AnyCall:
            self.resources.append(OfferedResource(uri, title, mime_type, explained(call)))
            return call

        return register

    def complete(self, reference: str, argument: str) -> Callable[[AnyCall], AnyCall]:
        """Register the decorated function as completion of an argument; returns it unchanged.

        reference: the name of a prompt, or the uri of a resource with braces. The function gets the
        text typed so far and returns the possible values, best first.
        """

        def register(call: AnyCall) -> AnyCall:
            self.completions[reference, argument] = explained(call)
            return call

        return register


class OfferedResource(NamedTuple):
    """A resource, or a family of resources if its uri has parameters in braces."""

    uri: str
    title: str
    mime_type: str
    read: Callable[..., Awaitable[str | bytes]]


def explained(call: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Return call as a coroutine function whose FumehoodErrors reach the client as text."""
    asked = call if inspect.iscoroutinefunction(call) else partial(in_thread, call)

    @functools.wraps(call)
    async def explaining(*args: Any, **kwargs: Any) -> Any:
        try:
            return await asked(*args, **kwargs)
        except FumehoodError as error:
            raise MCPError(INVALID_PARAMS, f"{error.code}: {error}") from error

    return explaining


_FORMS: dict[str, tuple[tuple[object, ...], Tool]] = {}
"""For each tool that was made in this process, what it was made from, and its form.

The SDK takes about 4 ms per tool to write the schemas of its arguments and result. A process that
makes several servers (one per session, or the tests) does this once.
"""


def agent_tool(
    call: Callable[..., Any],
    title: str,
    hints: ToolAnnotations,
    view: str | None = None,
    *,
    plain: bool = False,
    without: Iterable[str] = (),
) -> Tool:
    """Return the SDK's form of a tool. Raises TypeError for a mistake in its declaration."""
    runs = call if inspect.iscoroutinefunction(call) else _in_a_thread(call)
    where, without = f"{call.__module__}.{call.__qualname__}", tuple(without)
    source = (_written(call), call.__doc__, title, hints, view, plain, without)
    if where in _FORMS and _FORMS[where][0] == source:
        return _FORMS[where][1].model_copy(update={"fn": runs})
    form = _form_of(runs, title, hints, view, plain, without)
    if not form.resolved_params:
        # Functions belong to one server, which the table must not keep alive.
        _FORMS[where] = source, form.model_copy(update={"fn": _of_no_server})
    return form


def _form_of(
    call: Callable[..., Any],
    title: str,
    hints: ToolAnnotations,
    view: str | None,
    plain: bool,
    without: tuple[str, ...],
) -> Tool:
    """Let the SDK write the schemas of a tool, and close them."""
    if hints.read_only_hint and hints.destructive_hint:
        raise TypeError(f"{call.__name__}: a read-only tool can't be destructive")
    made = Tool.from_function(
        call,
        title=title,
        description=inspect.cleandoc(call.__doc__ or ""),
        annotations=hints,
        meta={"ui": {"resourceUri": view}} if view else None,
    )
    if not made.description:
        raise TypeError(f"{call.__name__}: a tool needs a docstring, because the agent reads it")
    if (made.fn_metadata.output_schema or {}).get("additionalProperties") is False:
        raise TypeError(f"{call.__name__}: its output model forbids extras, `cut` could not be set")
    for name in without:
        del made.parameters["properties"][name]
    close_the_schema(made, plain=plain)
    return made


def _written(call: Callable[..., Any]) -> list[object]:
    """Return what a signature says, so that two functions written alike compare as equal."""
    signature = inspect.signature(call)
    named = [
        (one.name, one.kind, one.default, _comparable(one.annotation))
        for one in signature.parameters.values()
    ]
    return [_comparable(signature.return_annotation), *named]


def _comparable(annotation: Any) -> object:
    """Return an annotation with the text of each pydantic field, which has no equality."""
    if isinstance(annotation, FieldInfo):
        return repr(annotation)
    inner = get_args(annotation)
    return (get_origin(annotation), *map(_comparable, inner)) if inner else annotation


async def _of_no_server() -> None:
    """Stand for the function of a tool in the table of forms."""


def _in_a_thread(call: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(call)
    async def threaded(**arguments: Any) -> Any:
        return await in_thread(call, **arguments)

    return threaded


async def in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a blocking call in a thread. If the caller is cancelled, the thread is abandoned."""
    return await anyio.to_thread.run_sync(partial(call, *args, **kwargs), abandon_on_cancel=True)


async def in_thread_with(
    deadline: Deadline, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Run a blocking call in a thread. If the caller is cancelled, the call's deadline ends now."""
    try:
        return await in_thread(call, *args, **kwargs)
    finally:
        deadline.end()


def answer(text: str, model: BaseModel, *, sparse: bool = False) -> CallToolResult:
    """Return a result as text and as data. Each must be complete: clients show only one of them.

    sparse: leave out the fields that have their default value.
    """
    data = model.model_dump(mode="json", by_alias=True, exclude_defaults=sparse)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=data)


def picture(text: str, path: Path, meta: dict[str, Any] | None = None) -> CallToolResult:
    """Return a PNG image with text, without structured content, which would hide the image.

    meta: data for a view; the server omits it for clients without views. Raises StorageFailed when
    the file cannot be read.
    """
    try:
        data = base64.b64encode(path.read_bytes()).decode("ascii")
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {path.name}") from error
    image = ImageContent(type="image", data=data, mime_type="image/png")
    return CallToolResult(content=[TextContent(type="text", text=text), image], _meta=meta)
