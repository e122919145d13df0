"""Serves the stand-in on loopback until it is told to stop."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from fakes.runpod.cloud import Cloud, Setup
from fakes.runpod.control import Control
from fakes.runpod.graphql_api import GraphQLInterface
from fakes.runpod.rest_api import RestInterface

MOST_BYTES = 16 * 2**20


def application(cloud: Cloud) -> web.Application:
    """Return the web application of a cloud."""
    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_post("/graphql", GraphQLInterface(cloud).answer)
    app.router.add_post("/_standin", Control(cloud).answer)
    RestInterface(cloud).add_routes(app)
    return app


async def serve(
    folder: Path, setup: Setup, port: int, tell: Callable[[Cloud], None], *, with_stdin: bool
) -> None:
    """Serve until SIGINT or SIGTERM, or until stdin is closed if with_stdin; then end all pods.

    tell is called once, when requests are answered.
    """
    cloud = Cloud(folder, setup)
    runner = web.AppRunner(application(cloud), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        cloud.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        tell(cloud)
        await _until_told_to_stop(with_stdin)
    finally:
        await cloud.close()
        await runner.cleanup()


def print_ready(cloud: Cloud) -> None:
    """Print the address and the key as one line of JSON, for the program that started this one."""
    print(json.dumps({"url": cloud.url, "key": cloud.key}), flush=True)


async def _until_told_to_stop(with_stdin: bool) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    reading = None
    if with_stdin:
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        reading = asyncio.create_task(reader.read())
        reading.add_done_callback(lambda _: stop.set())
    await stop.wait()
    if reading is not None:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
