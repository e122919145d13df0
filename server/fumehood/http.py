"""Serve over streamable HTTP, only to clients with a token.

Any local user and any web page in a browser can reach a port on this machine. So every request
needs `Authorization: Bearer <token>` (else 401), an allowed Host header (else 421) and, if a
browser sends one, an allowed Origin header (else 403). `GET /health` answers anyone, but only with
the version. On an address that other machines can reach, the server starts only if the user has set
a token and the allowed host names. There is no TLS: put a proxy in front, or use an ssh tunnel.
"""

import hmac
import ipaddress
import logging
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fumehood import __version__
from fumehood.app import FumehoodServer
from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.files import make_private

MIN_TOKEN = 16
PATH = "/mcp"
HEALTH = "/health"
REMEDY = (
    "Send Authorization: Bearer <token>. The token is the one that the server was started with "
    "(FUMEHOOD_TOKEN or --token); without one, it is in .fumehood/token in the server's workspace."
)


class Address(NamedTuple):
    """The address to listen on, and the host names that clients may use for it."""

    host: str
    port: int
    allowed_hosts: tuple[str, ...] = ()

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}{PATH}"


class TokenGate:
    """ASGI middleware that refuses requests without the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != HEALTH and not self._admits(scope):
            refusal = JSONResponse(
                {
                    "error": "invalid_token",
                    "error_description": REMEDY,
                },
                status_code=401,
                headers={"WWW-Authenticate": "Bearer"},
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admits(self, scope: Scope) -> bool:
        headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
        given = next((value for name, value in headers if name == b"authorization"), b"")
        scheme, _, token = given.strip().partition(b" ")
        # The name of a scheme is not case-sensitive (RFC 9110, section 11.1); the token is.
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._expected)


class AbortedRequests(logging.Filter):
    """Drops the log records of requests that their client aborted, which are no errors of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is kept."""
        return not (record.exc_info and isinstance(record.exc_info[1], ClientDisconnect))


def check_access(address: Address, given: str | None) -> None:
    """Raise BadRequest for an address and token that would open the server to strangers."""
    if not address.is_loopback and not given:
        raise BadRequest(
            f"{address.host} can be reached from other machines, but no token is set. Set "
            "FUMEHOOD_TOKEN (or --token), or listen on 127.0.0.1 and use an ssh tunnel."
        )
    if not address.is_loopback and not address.allowed_hosts:
        raise BadRequest(
            f"{address.host} can be reached from other machines, but no host name is allowed. Name "
            "the one that clients use: --allowed-host lab.example:8000 (repeat for several)."
        )
    if given and len(given) < MIN_TOKEN:
        raise BadRequest(
            f"The token is too short: it needs at least {MIN_TOKEN} characters. Omit it to have "
            "one generated."
        )


def token_for(state: Path, given: str | None) -> str:
    """Return the token that clients must send: the given one, or else the workspace's own.

    The workspace's token is generated when missing and stored in <state>/token, readable only by
    its owner, so that clients need not be reconfigured after a restart. Raises StorageFailed.
    """
    if given:
        return given
    path = state / "token"
    try:
        if path.is_file() and path.stat().st_mode & 0o077 == 0:
            kept = path.read_text(encoding="utf-8").strip()
            if len(kept) >= MIN_TOKEN:
                return kept
        make_private(state)
        token = secrets.token_urlsafe(32)
        # mkstemp creates the file with mode 0600; write_text would make it readable to others.
        handle, temporary = tempfile.mkstemp(dir=state, prefix=".token.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(token + "\n")
        os.replace(temporary, path)
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Storing the token") from error
    return token


def http_app(server: FumehoodServer, address: Address, token: str) -> ASGIApp:
    """Return the ASGI application with the checks of token, Host and Origin."""

    server.custom_route(HEALTH, methods=["GET"])(_health)
    names = [name for host in address.allowed_hosts for name in _with_any_port(host)]
    if address.is_loopback:
        names += ["127.0.0.1:*", "localhost:*", "[::1]:*", *_with_any_port(address.host)]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=names,
        allowed_origins=[f"{scheme}://{name}" for name in names for scheme in ("http", "https")],
    )
    app = server.streamable_http_app(
        streamable_http_path=PATH, host=address.host, transport_security=security
    )
    return TokenGate(app, token)


def serve_http(server: FumehoodServer, address: Address, token: str) -> None:
    """Serve until SIGINT or SIGTERM. Requests that are still running get one second."""
    logging.getLogger("mcp.server.streamable_http").addFilter(AbortedRequests())
    config = uvicorn.Config(
        http_app(server, address, token),
        host=address.host,
        port=address.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run()


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok", "version": __version__})


def _with_any_port(host: str) -> tuple[str, ...]:
    """Return the Host patterns for an allowed name; one without a port also matches any port."""
    name, _, port = host.rpartition(":")
    has_port = bool(name) and port.isdecimal() and (":" not in name or name.endswith("]"))
    return (host,) if has_port else (host, f"{host}:*")
