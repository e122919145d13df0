"""A small HTTP server on loopback that can be set to answer late, wrongly or not at all.

with HttpService(answer) as service:
    service.fault = Fault("status", status=429, retry_after="1")
    ... service.url ...
    service.log  # every request: when it came, method, path, headers, body
"""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

Kind = Literal["status", "html", "hang", "drip", "reset", "truncated", "garbage", "wrong_type"]
OUTAGE = b"<html><head><title>Maintenance</title></head><body>We will be back.</body></html>"


@dataclass(frozen=True)
class Request:
    """One received request. `moment` is the time.monotonic() of its arrival."""

    moment: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """The answer of a service."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"

    @classmethod
    def of(cls, content: Any, status: int = 200) -> "Reply":
        """Return a JSON answer."""
        return cls(json.dumps(content).encode(), status)


@dataclass(frozen=True)
class Fault:
    """What goes wrong, for the next `times` requests."""

    kind: Kind
    status: int = 500
    retry_after: str | None = None
    body: bytes = b""
    times: int = 1_000_000


class HttpService:
    """An HTTP service that answers with a function of the request, unless a fault is set.

    keep_alive: whether connections stay open, as clients in other processes close theirs at exit.
    """

    def __init__(self, answer: Callable[[Request], Reply], *, keep_alive: bool = True) -> None:
        self.answer, self.keep_alive = answer, keep_alive
        self.latency = 0.0
        self.fault: Fault | None = None
        self.log: list[Request] = []
        self._broken = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, request: Request) -> Fault | None:
        """Log a request and return the fault to apply to it; None for a normal answer."""
        with self._lock:
            self.log.append(request)
            if self.fault is None or self._broken >= self.fault.times:
                return None
            self._broken += 1
            return self.fault

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until the service is stopped."""
        self._stop.wait(seconds)


def _handler_of(service: HttpService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Write no log."""

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            request = self._read()
            fault = service.take(request)
            service.wait(service.latency)
            with contextlib.suppress(OSError):
                self._break(fault) if fault else self._send(service.answer(request))

        def _read(self) -> Request:
            moment = time.monotonic()
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(raw) if raw else None
            return Request(moment, self.command, parts.path, query, headers, body)

        def _send(self, reply: Reply, *, announced: int | None = None, **headers: str) -> None:
            self.send_response(reply.status)
            self.send_header("content-type", reply.content_type)
            self.send_header("content-length", str(announced or len(reply.body)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            if not service.keep_alive:
                self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(reply.body)

        def _break(self, fault: Fault) -> None:
            match fault.kind:
                case "status":
                    after = {"retry_after": fault.retry_after} if fault.retry_after else {}
                    body = fault.body or json.dumps({"error": "no"}).encode()
                    self._send(Reply(body, fault.status), **after)
                case "html":
                    self._send(Reply(OUTAGE, content_type="text/html"))
                case "garbage":
                    self._send(Reply(b"\x00\xff{]<feed" * 9))
                case "wrong_type":
                    self._send(Reply(fault.body or b'{"results": 7, "data": 7, "output": 7}'))
                case "truncated":
                    self._send(Reply(b'{"results": ['), announced=90_000)
                    self.close_connection = True
                case "hang":
                    service.wait(600)
                case "drip":
                    self.send_response(200)
                    self.send_header("content-length", "1000000")
                    self.end_headers()
                    for _ in range(6000):
                        self.wfile.write(b" ")
                        self.wfile.flush()
                        service.wait(0.1)
                case "reset":
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.connection.close()
                    self.close_connection = True

    return Handler
