"""Importing this lets asyncio run in a child, which may not make the pair of sockets it wants.

An event loop is woken through that pair, from another thread or by a signal. A pipe does the same.
"""

import asyncio.selector_events
import os
from typing import Any

_LOOP: Any = asyncio.selector_events.BaseSelectorEventLoop
_make_sockets = _LOOP._make_self_pipe


class _PipeEnd:
    """One end of a pipe, with the methods of a socket that an event loop uses on its pair."""

    def __init__(self, handle: int) -> None:
        os.set_blocking(handle, False)
        self._handle = handle

    def fileno(self) -> int:
        return self._handle

    def recv(self, most: int) -> bytes:
        return os.read(self._handle, most)

    def send(self, content: bytes) -> int:
        return os.write(self._handle, content)

    def close(self) -> None:
        os.close(self._handle)


def _make_pair(loop: Any) -> None:
    try:
        _make_sockets(loop)
    except PermissionError:
        loop._ssock, loop._csock = map(_PipeEnd, os.pipe())
        loop._internal_fds += 1
        loop._add_reader(loop._ssock.fileno(), loop._read_from_self)


_LOOP._make_self_pipe = _make_pair
