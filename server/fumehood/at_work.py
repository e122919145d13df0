"""Tell the client that a call is still being worked on.

Hosts abort a call from which they hear nothing, some after five seconds; a progress notification
starts their clock again. Tools that know their own progress report it themselves. For all others,
the server reports how long the call has taken so far.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool

QUIET_SECONDS = 2.0
"""Seconds until the first note, and between two notes."""


@contextlib.contextmanager
def still_at_work(tool: Tool, context: Context[None, Any] | None) -> Iterator[None]:
    """Report progress to the client while the block runs, unless the tool does it itself."""
    if context is None or tool.context_kwarg is not None:
        yield
        return
    notes = asyncio.create_task(_report(tool.name, context))
    try:
        yield
    finally:
        notes.cancel()


async def _report(name: str, context: Context[None, Any]) -> None:
    seconds = 0.0
    while True:
        await asyncio.sleep(QUIET_SECONDS)
        seconds += QUIET_SECONDS
        await context.report_progress(seconds, None, f"{name} is at work, {seconds:.0f} s so far")
