"""Sockets that no cheat may reach: TCP, UDP, and Unix sockets by path and by abstract name.

A thread also tries to connect to one free port all the time, because no cheat may listen there.
"""

import contextlib
import random
import select
import socket
import sys
import threading
from pathlib import Path
from typing import Self

KNOCK_SECONDS = 0.1
# Below the ephemeral range, in which a connection attempt could connect to itself.
PORTS = range(20_000, 30_000)


class Listeners:
    """The listening sockets. Use as a context manager; `heard()` returns what arrived."""

    def __init__(self, socket_path: Path) -> None:
        self.abstract = f"fumehood-redteam-{random.randrange(1 << 48):012x}"
        self.path = socket_path
        self._servers: list[socket.socket] = [_bound(socket.SOCK_STREAM)]
        self._datagrams = _bound(socket.SOCK_DGRAM)
        for name in (str(socket_path), f"\0{self.abstract}")[: 2 if sys.platform == "linux" else 1]:
            server = socket.socket(socket.AF_UNIX)
            server.bind(name)
            server.listen(8)
            self._servers.append(server)
        socket_path.chmod(0o777)
        self.tcp_port = int(self._servers[0].getsockname()[1])
        self.udp_port = int(self._datagrams.getsockname()[1])
        self.knocked_port = _free_port()
        self._heard: list[str] = []
        self._rounds = threading.Semaphore(0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join(5)
        for server in (*self._servers, self._datagrams):
            server.close()

    def heard(self) -> list[str]:
        """Return descriptions of what arrived since the last call, without duplicates."""
        arrived, self._heard = self._heard, []
        return list(dict.fromkeys(arrived))

    def settle(self) -> None:
        """Wait for two rounds of the thread, so that everything sent before has been heard."""
        while self._rounds.acquire(blocking=False):
            pass
        for _ in range(2):
            self._rounds.acquire(timeout=5)

    def _listen(self) -> None:
        while not self._over.is_set():
            self._rounds.release()
            ready, _, _ = select.select([*self._servers, self._datagrams], [], [], KNOCK_SECONDS)
            for server in ready:
                with contextlib.suppress(OSError):
                    self._hear(server)
            with socket.socket() as knock:
                knock.settimeout(0.2)
                if knock.connect_ex(("127.0.0.1", self.knocked_port)) == 0:
                    self._heard.append("a port was opened")

    def _hear(self, server: socket.socket) -> None:
        if server is self._datagrams:
            self._heard.append(f"a datagram arrived ({len(server.recv(4096))} bytes)")
            return
        kind = "Unix socket" if server.family == socket.AF_UNIX else "TCP port"
        server.accept()[0].close()
        self._heard.append(f"the {kind} was called")


def _bound(kind: int) -> socket.socket:
    server = socket.socket(socket.AF_INET, kind)
    server.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        server.listen(8)
    return server


def _free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with contextlib.suppress(OSError), socket.socket() as trial:
            trial.bind(("127.0.0.1", port))
            return port
