"""How a door declares a tool, and what a tool answers.

    def register(toolbox: Toolbox) -> None:
        @toolbox.tool(title="List jobs", toolset="jobs", read_only=True, destructive=False,
                      idempotent=True, open_world=False)
        def list_jobs(limit: Limit = 20) -> Annotated[CallToolResult, JobList]:
            '''Docstring for the agent: when to use it, what comes back, what to call next.'''
            return answer("2 jobs …", JobList(...))

A tool may be `def` or `async def`. A plain one runs in a thread that is left behind when the
caller goes away, so it never holds up a shutdown: what it does must be safe to be cut off.
It raises FumehoodError; `app.FumehoodServer` turns that into what the agent reads.
"""

import base64
import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, get_args

import anyio.to_thread
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, ImageContent, TextContent, ToolAnnotations
from pydantic import BaseModel

from fumehood.strict_args import close_the_schema
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import BadRequest, StorageFailed, UnknownName
from fumehood_tools.jobs import JobStore
from fumehood_tools.settings import Settings, load_keys

if TYPE_CHECKING:
    from fumehood_tools.paper_records.shelf import FindingsShelf
    from fumehood_tools.papers.library import Library
    from fumehood_tools.papers.search import PaperSearch
    from fumehood_tools.papers.services import Services
    from fumehood_tools.reading.reader import PaperReader

Toolset = Literal["papers", "sandbox", "bench", "jobs"]
TOOLSETS: tuple[Toolset, ...] = get_args(Toolset)

P = ParamSpec("P")
R = TypeVar("R")
Call = TypeVar("Call", bound=Callable[..., CallToolResult | Awaitable[CallToolResult]])


class Toolbox:
    """What doors put their tools into. Tools that are not wanted are left out here."""

    def __init__(
        self, settings: Settings, toolsets: frozenset[Toolset], *, read_only: bool = False
    ) -> None:
        self.settings = settings
        self.toolsets = toolsets
        self.read_only = read_only
        self.tools: dict[str, Tool] = {}

    @cached_property
    def jobs(self) -> JobStore:
        """The workspace's job table; it is made at the first use, not when the server starts."""
        return JobStore(self.settings.state)

    @cached_property
    def shelf(self) -> Shelf:
        """The workspace's records; those that were read and verified once stay in memory."""
        return Shelf(self.settings.state)

    @cached_property
    def search(self) -> "PaperSearch":
        """Searches for papers; what they need is imported now."""
        from fumehood_tools.papers.search import PaperSearch

        return PaperSearch(self.settings, self.library, self.services)

    @cached_property
    def reader(self) -> "PaperReader":
        """The papers that were read, and how another one gets read."""
        from fumehood_tools.reading.reader import PaperReader

        return PaperReader(self.settings, self.library, self.services, self.jobs)

    @cached_property
    def findings(self) -> "FindingsShelf":
        """The records of papers."""
        from fumehood_tools.paper_records.shelf import FindingsShelf

        return FindingsShelf(self.settings, self.library, self.reader.shelf)

    @cached_property
    def library(self) -> "Library":
        """The workspace's papers."""
        from fumehood_tools.papers.library import Library

        return Library(self.settings.state)

    @cached_property
    def services(self) -> "Services":
        """The services that are searched and read from, with this process' keys."""
        from fumehood_tools.papers.services import Services
        from fumehood_tools.web.service import Keys

        return Services(self.settings, Keys(load_keys()))

    def tool(
        self,
        *,
        title: str,
        toolset: Toolset,
        read_only: bool,
        destructive: bool,
        idempotent: bool,
        open_world: bool,
        view: str | None = None,
    ) -> Callable[[Call], Call]:
        """Register the decorated function as a tool under its own name; returns it unchanged.

        view: the ui:// address of what draws its result, in clients that do (MCP Apps).
        """
        hints = ToolAnnotations(
            read_only_hint=read_only,
            destructive_hint=destructive,
            idempotent_hint=idempotent,
            open_world_hint=open_world,
        )

        def register(call: Call) -> Call:
            made = agent_tool(call, title, hints, view)
            if made.name in self.tools:
                raise ValueError(f"two tools are called {made.name}")
            if toolset in self.toolsets and (read_only or not self.read_only):
                self.tools[made.name] = made
            return call

        return register


def agent_tool(
    call: Callable[..., Any], title: str, hints: ToolAnnotations, view: str | None = None
) -> Tool:
    """Return the SDK's form of a tool. Raises TypeError for what a client could trip over."""
    if hints.read_only_hint and hints.destructive_hint:
        raise TypeError(f"{call.__name__}: a read-only tool can't be destructive")
    made = Tool.from_function(
        call if inspect.iscoroutinefunction(call) else _in_a_thread(call),
        title=title,
        description=inspect.cleandoc(call.__doc__ or ""),
        annotations=hints,
        meta={"ui": {"resourceUri": view}} if view else None,
    )
    if not made.description:
        raise TypeError(f"{call.__name__}: a tool needs a docstring, the agent reads it")
    if (made.fn_metadata.output_schema or {}).get("additionalProperties") is False:
        raise TypeError(f"{call.__name__}: its output model forbids extras, `cut` could not be set")
    close_the_schema(made)
    return made


def _in_a_thread(call: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(call)
    async def threaded(**arguments: Any) -> Any:
        return await in_thread(call, **arguments)

    return threaded


async def in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a blocking call in a thread; when the caller is cancelled the thread is left behind."""
    return await anyio.to_thread.run_sync(partial(call, *args, **kwargs), abandon_on_cancel=True)


def answer(text: str, model: BaseModel) -> CallToolResult:
    """Return a result with two faces; each must be complete, clients show one or the other."""
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=model.model_dump(mode="json", by_alias=True),
    )


def picture(text: str, path: Path, meta: dict[str, Any] | None = None) -> CallToolResult:
    """Return an image (PNG) with text, and no structured content: it would hide the image.

    meta: what a view draws; the server leaves it out for clients that draw none. Raises
    StorageFailed when the file can't be read.
    """
    try:
        data = base64.b64encode(path.read_bytes()).decode("ascii")
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {path.name}") from error
    image = ImageContent(type="image", data=data, mime_type="image/png")
    return CallToolResult(content=[TextContent(type="text", text=text), image], _meta=meta)


def choose_toolsets(names: Iterable[str] | None) -> frozenset[Toolset]:
    """Return the named toolsets, all of them for None. Raises UnknownName, BadRequest."""
    if names is None:
        return frozenset(TOOLSETS)
    wanted = {name.strip() for name in names} - {""}
    for name in sorted(wanted):
        if name not in TOOLSETS:
            raise UnknownName("toolset", name, TOOLSETS, "Separate several with commas.")
    if not wanted:
        raise BadRequest(f"No toolset named. Known: {', '.join(TOOLSETS)}. Leave it out for all.")
    return frozenset(toolset for toolset in TOOLSETS if toolset in wanted)
