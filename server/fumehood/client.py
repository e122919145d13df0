"""The command line's MCP client: it starts a real server and talks to it over stdio.

So `fumehood call` and `fumehood tools` show exactly what an agent gets. Each call starts a server,
which takes about a second. Nothing is cached.
"""

import base64
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters
from mcp.types import REQUEST_TIMEOUT, CallToolResult, ImageContent, TextContent, Tool

import fumehood
from fumehood_tools.children import import_path
from fumehood_tools.files import write_bytes
from fumehood_tools.settings import Settings, load_keys

_AFTER_A_TIMEOUT = "Run fumehood call list_jobs to see the jobs, or fumehood doctor to find faults."


class CommandResult(NamedTuple):
    """The output and exit code of a call."""

    stdout: str
    stderr: str
    code: int


def server_parameters(settings: Settings, options: Sequence[str] = ()) -> StdioServerParameters:
    """Return the command for a server with these settings and this process's import path."""
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "fumehood", "serve", "--workspace", str(settings.workspace), *options],
        env={
            **settings.as_environment(),
            **{name: secret.get_secret_value() for name, secret in load_keys().items()},
            "PYTHONPATH": import_path(fumehood),
        },
        cwd=Path.cwd(),
    )


CALL_SECONDS = 600.0
"""No tool takes this long: work over 20 s is done in jobs, and wait_for_job waits 45 s at most."""


@asynccontextmanager
async def connected(settings: Settings, options: Sequence[str] = ()) -> AsyncIterator[Client]:
    """Start a server and connect to it. It ends with the block, but its jobs continue."""
    server = server_parameters(settings, options)
    async with Client(server, read_timeout_seconds=CALL_SECONDS) as client:
        yield client


async def list_tools(settings: Settings, options: Sequence[str] = ()) -> list[Tool]:
    """Return the tools that the server offers to clients of this workspace."""
    async with connected(settings, options) as client:
        return (await client.list_tools()).tools


async def call(
    settings: Settings,
    tool: str,
    arguments: dict[str, Any],
    seconds: float = CALL_SECONDS,
    options: Sequence[str] = (),
) -> CommandResult:
    """Call one tool. Return what to print: JSON on stdout, or an error on stderr with code 1.

    options: of the server.
    """
    async with connected(settings, options) as client:
        try:
            result = await client.call_tool(
                tool,
                arguments,
                progress_callback=_show_progress,
                read_timeout_seconds=seconds,
            )
        except MCPError as error:
            if error.error.code == REQUEST_TIMEOUT:
                late = f"{tool} did not answer within {seconds:.0f} s. {_AFTER_A_TIMEOUT}"
                return CommandResult("", late, 1)
            return CommandResult("", f"{error.error.message}", 1)
    if result.is_error:
        return CommandResult("", text_of(result), 1)
    return CommandResult(
        json.dumps(printable(settings, result), indent=1, ensure_ascii=False), "", 0
    )


def text_of(result: CallToolResult) -> str:
    """Return the text blocks of a result, joined by newlines."""
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def printable(settings: Settings, result: CallToolResult) -> Any:
    """Return the structured content, or if there is none, the text and paths of saved images."""
    if result.structured_content is not None:
        return result.structured_content
    images = []
    for part in result.content:
        if isinstance(part, ImageContent):
            data = base64.b64decode(part.data)
            name = f"image-{hashlib.sha256(data).hexdigest()[:12]}.{part.mime_type.split('/')[-1]}"
            path = settings.state / "outputs" / name
            write_bytes(path, data)
            images.append(str(path))
    return {"text": text_of(result), "images": images}


async def _show_progress(progress: float, total: float | None, message: str | None) -> None:
    share = f"{progress:g}/{total:g}" if total else f"{progress:g}"
    print(f"{share} {message or ''}".rstrip(), file=sys.stderr, flush=True)
