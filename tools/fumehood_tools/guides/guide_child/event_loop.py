"""Importing this lets asyncio run in a child, which may not make the pair of sockets it wants.

An event loop is woken through that pair, from another thread or by a signal. Linux has a counter of
events for that, which wakes it from threads only; elsewhere a pipe does the same.
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


class _CounterEnd(_PipeEnd):
    """One of two handles of a counter of events: `send` adds one, `recv` sets it to 0."""

    def recv(self, most: int) -> bytes:
        os.eventfd_read(self._handle)
        return b"\0"

    def send(self, content: bytes) -> int:
        os.eventfd_write(self._handle, 1)
        return len(content)


def _ends() -> tuple[_PipeEnd, _PipeEnd]:
    if hasattr(os, "eventfd"):
        handle = os.eventfd(0)
        return _CounterEnd(handle), _CounterEnd(os.dup(handle))
    read, write = os.pipe()
    return _PipeEnd(read), _PipeEnd(write)


def _make_pair(loop: Any) -> None:
    try:
        _make_sockets(loop)
    except PermissionError:
        loop._ssock, loop._csock = _ends()
        loop._internal_fds += 1
        loop._add_reader(loop._ssock.fileno(), loop._read_from_self)


_LOOP._make_self_pipe = _make_pair
