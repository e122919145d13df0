"""Serve over streamable HTTP, to holders of a token only.

Any local user and any web page in a browser can reach a port on this machine. So every request
needs `Authorization: Bearer <token>` (401), a Host header that is ours (421) and, where a browser
sends one, an Origin that is ours (403). `GET /health` answers anyone, with the version only.
On an address that other machines can reach we start only with a token and the allowed host names
given by hand. There is no TLS here: put a proxy in front, or use ssh.
"""

import hmac
import ipaddress
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fumehood import __version__
from fumehood.app import FumehoodServer
from fumehood_tools.errors import BadRequest, StorageFailed

MIN_TOKEN = 16
PATH = "/mcp"
HEALTH = "/health"


class Address(NamedTuple):
    """Where to listen, and under which names we may be called."""

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
    """ASGI middleware: lets in who holds the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != HEALTH and not self._admits(scope):
            refusal = JSONResponse(
                {
                    "error": "invalid_token",
                    "error_description": "Send Authorization: Bearer <token>.",
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
        return hmac.compare_digest(given, self._expected)


def check_access(address: Address, given: str | None) -> None:
    """Refuse what would open the server to strangers. Raises BadRequest."""
    if not address.is_loopback and not given:
        raise BadRequest(
            f"{address.host} can be reached from other machines, and no token was chosen. Set "
            "FUMEHOOD_TOKEN (or --token), or listen on 127.0.0.1 and use an ssh tunnel."
        )
    if not address.is_loopback and not address.allowed_hosts:
        raise BadRequest(
            f"{address.host} can be reached from other machines. Say under which name clients call "
            "it: --allowed-host lab.example:8000 (repeat for several)."
        )
    if given and len(given) < MIN_TOKEN:
        raise BadRequest(f"A token needs at least {MIN_TOKEN} characters. Leave it out to get one.")


def token_for(state: Path, given: str | None) -> str:
    """Return the token to ask for: the given one, else the workspace's own, made when missing.

    The workspace's own is kept in <state>/token, readable by its owner only, so that a client
    need not be set up again after a restart. Raises StorageFailed.
    """
    if given:
        return given
    path = state / "token"
    try:
        if path.is_file() and path.stat().st_mode & 0o077 == 0:
            kept = path.read_text(encoding="utf-8").strip()
            if len(kept) >= MIN_TOKEN:
                return kept
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        token = secrets.token_urlsafe(32)
        # mkstemp gives 0600 from the start; write_text would make it readable to others.
        handle, temporary = tempfile.mkstemp(dir=state, prefix=".token.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(token + "\n")
        os.replace(temporary, path)
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Keeping the token") from error
    return token


def http_app(server: FumehoodServer, address: Address, token: str) -> ASGIApp:
    """Return the ASGI application with all three checks in place."""

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
    """Return the Host headers that a name stands for: as it is and, without a port, with any."""
    name, _, port = host.rpartition(":")
    has_port = bool(name) and port.isdecimal() and (":" not in name or name.endswith("]"))
    return (host,) if has_port else (host, f"{host}:*")
