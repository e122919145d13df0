"""Serve over stdio, also to hosts that probe the server before it is up.

The first request of a connection decides for good whether the client opens it with the handshake
(`initialize`) or speaks the era without one. A host that does not know what the server speaks first
sends `server/discover`. If the server is still importing its modules when the host gives up waiting
for the answer, the host goes on with `initialize`, which the SDK would refuse because it took the
late probe for the first request. Here a probe decides nothing; the request after it does.
"""

from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_dual_era_loop
from mcp.server.stdio import stdio_server
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCRequest

PROBE = "server/discover"
Message = SessionMessage | Exception


async def serve_stdio(server: Server[Any]) -> None:
    """Serve the client at the other end of stdin and stdout until it leaves."""
    send, receive = anyio.create_memory_object_stream[Message](0)
    async with stdio_server() as (read, write), anyio.create_task_group() as tasks:
        tasks.start_soon(_forward, server, read, write, send)
        await server.run(receive, write, server.create_initialization_options())
        tasks.cancel_scope.cancel()


async def _forward(
    server: Server[Any],
    read: ReadStream[Message],
    write: WriteStream[SessionMessage],
    send: MemoryObjectSendStream[Message],
) -> None:
    """Answer the probes that come before any other request; pass everything else on."""
    opened = False
    async with send:
        async for item in read:
            request = item.message if isinstance(item, SessionMessage) else None
            if isinstance(request, JSONRPCRequest):
                if not opened and request.method == PROBE:
                    await write.send(await _answer_to(server, item))
                    continue
                opened = True
            await send.send(item)


async def _answer_to(server: Server[Any], probe: Message) -> SessionMessage:
    """Return the server's answer to a probe, given on a connection that carries only the probe."""
    send, receive = anyio.create_memory_object_stream[Message](1)
    answers, answered = anyio.create_memory_object_stream[SessionMessage](1)
    await send.send(probe)
    async with send, answered, anyio.create_task_group() as tasks:
        # A probe needs nothing that the server's lifespan sets up.
        tasks.start_soon(lambda: serve_dual_era_loop(server, receive, answers, lifespan_state=None))
        answer = await answered.receive()
        tasks.cancel_scope.cancel()
    return answer
