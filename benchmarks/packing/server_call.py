"""Time calls of `pack_repository` in a running server, over a real MCP client on stdio.

    python benchmarks/packing/server_call.py FOLDER CALLS

Prints the seconds of each call as JSON. Every call starts a job in a process of its own, which
imports what it needs, so this includes all that an agent waits for.
"""

import asyncio
import json
import os
import sys
import tempfile
import time

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client


def main() -> None:
    """Call the tool and print the seconds."""
    folder, calls = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(asyncio.run(_seconds(folder, calls, place))))


async def _seconds(folder: str, calls: int, place: str) -> list[float]:
    environment = {name: it for name, it in os.environ.items() if not name.startswith("FUMEHOOD")}
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "fumehood", "serve", "--workspace", f"{place}/workspace"],
        env={**environment, "FUMEHOOD_CACHE": f"{place}/cache"},
    )
    seconds = []
    async with Client(stdio_client(server)) as client:
        for _ in range(calls):
            start = time.perf_counter()
            result = await client.call_tool("pack_repository", {"source": folder})
            seconds.append(time.perf_counter() - start)
            if result.is_error or not (result.structured_content or {}).get("equal"):
                raise RuntimeError(str(result.content)[:2000])
    return seconds


if __name__ == "__main__":
    main()
