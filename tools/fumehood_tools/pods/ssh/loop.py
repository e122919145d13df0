"""The one thread in which all ssh connections of this process live.

asyncssh is asynchronous and our jobs are not: they hand a coroutine to this thread and wait.
The thread starts with the first connection, and does not keep the process from ending.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from fumehood_tools.pods.ssh.failures import TooSlow

T = TypeVar("T")
MARGIN_SECONDS = 30.0
"""What the thread may be late by, because it serves other connections too."""

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def wait_for(work: Coroutine[Any, Any, T], seconds: float, doing: str) -> T:
    """Run a coroutine in the thread for at most `seconds`, and return its result.

    doing: what the message of TooSlow says, as in "reading the log". The coroutine is cancelled
    when the time is up, and when the caller is interrupted.
    """
    future = asyncio.run_coroutine_threadsafe(_limited(work, seconds), _running())
    try:
        return future.result(seconds + MARGIN_SECONDS)
    except (TimeoutError, CancelledError) as error:
        raise TooSlow(
            f"The machine has not answered within {seconds:.0f} s ({doing}). It may be overloaded, "
            "or the connection slow: ask for its state, then repeat."
        ) from error
    finally:
        future.cancel()


async def _limited(work: Coroutine[Any, Any, T], seconds: float) -> T:
    async with asyncio.timeout(seconds):
        return await work


def post(call: Any, *given: Any) -> None:
    """Have the thread call a function soon, without waiting for it."""
    _running().call_soon_threadsafe(call, *given)


def _running() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="fumehood-ssh", daemon=True).start()
        return _loop
