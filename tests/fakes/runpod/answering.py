"""Answers that both interfaces share: problems, faults, and the headers about rates."""

import asyncio
import json
import socket
import struct
import time
from bisect import bisect
from typing import Any

from aiohttp import web

from fakes.runpod.faults import Fault

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
}
HTML = "<html><head><title>Error</title></head><body>upstream connect error</body></html>"
WRONG = "Something went wrong. Please try again later or contact support."
WINDOWS = {"minute": (60, 60), "hour": (3_000, 3_600), "day": (50_000, 86_400)}
"""Requests per window, and its seconds: the example of the provider's specification."""


def problem(status: int, detail: str, errors: list[str] | None = None) -> web.Response:
    """Return an error in the format of RFC 9457."""
    content: dict[str, Any] = {"title": TITLES[status], "status": status, "detail": detail}
    if errors:
        content["errors"] = errors
    return web.Response(
        status=status, text=json.dumps(content), content_type="application/problem+json"
    )


def too_many(seconds: float) -> web.Response:
    """Return the answer to a client that asks too often."""
    answer = problem(429, "rate limit exceeded for the minute window")
    answer.headers["Retry-After"] = f"{seconds:g}"
    return answer


async def apply_fault(
    fault: Fault, request: web.Request, interface: str
) -> web.StreamResponse | None:
    """Return the answer of a fault that acts before the request does; None for the others."""
    match fault.kind:
        case "429":
            return too_many(fault.retry_after)
        case "500" | "502":
            return web.Response(status=int(fault.kind), text=HTML, content_type="text/html")
        case "401" | "403" | "410":
            status = int(fault.kind)
            if interface == "v2":
                return problem(status, TITLES[status].lower())
            return web.json_response({"error": TITLES[status]}, status=status)
        case "refusal" if interface == "v2":
            return problem(fault.status, fault.message)
        case "refusal":
            return web.json_response({"errors": [{"message": fault.message}], "data": None})
        case "garbage":
            return web.Response(text='{"data": {"pod', content_type="application/json")
        case "hang":
            await asyncio.sleep(fault.seconds)
            return reset(request)
        case "reset":
            return reset(request)
    return None


async def spoil(
    fault: Fault, request: web.Request, answer: web.StreamResponse, interface: str
) -> web.StreamResponse:
    """Return what is seen of a request that was carried out."""
    if fault.kind == "made_but_error" and interface == "graphql":
        return web.json_response({"errors": [{"message": WRONG}], "data": None})
    if fault.kind == "made_but_error":
        return problem(500, WRONG)
    if fault.kind == "made_but_500":
        return web.Response(status=500, text=HTML, content_type="text/html")
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
        return answer
    return reset(request)


def reset(request: web.Request) -> web.Response:
    """Reset the connection of a request."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        now = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        request.transport.abort()
    return web.Response()


class Rates:
    """Counts requests in the provider's windows. per_minute: what is allowed (None: anything)."""

    def __init__(self, per_minute: int | None) -> None:
        self._per_minute = per_minute
        self._moments: list[float] = []

    def count(self) -> float | None:
        """Count a request; return the seconds to wait if it is one too many."""
        now = time.monotonic()
        recent = self._within(60, now)
        if self._per_minute is not None and len(recent) >= self._per_minute:
            return max(1.0, float(round(recent[0] + 60 - now)))
        self._moments.append(now)
        return None

    def headers(self) -> dict[str, str]:
        """Return the headers that tell what is left."""
        now, left, policy = time.monotonic(), [], []
        for name, (quota, seconds) in WINDOWS.items():
            quota = self._per_minute or quota if name == "minute" else quota
            recent = self._within(seconds, now)
            until = round(recent[0] + seconds - now) if recent else 0
            left.append(f'"{name}";r={max(0, quota - len(recent))};t={until}')
            policy.append(f'"{name}";q={quota};w={seconds}')
        return {"RateLimit": ", ".join(left), "RateLimit-Policy": ", ".join(policy)}

    def _within(self, seconds: float, now: float) -> list[float]:
        return self._moments[bisect(self._moments, now - seconds) :]
