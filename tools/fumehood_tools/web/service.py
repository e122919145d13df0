"""Send requests to services over HTTP, with limits on time and answer size and typed failures.

An API key is sent only in the request that needs it, and it is removed from every answer and error
text before other code sees them. URLs are never logged or shown, because one service takes its key
in the URL. Redirects are not followed, so that a key is never sent to another host.
"""

import json
import logging
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Any

import httpx
from pydantic import SecretStr

from fumehood_tools.deadlines import Deadline
from fumehood_tools.quoting import one_line
from fumehood_tools.web.model import Pace, SourceFailed
from fumehood_tools.web.pacing import Pacer

MOST_BYTES = 10_000_000
USER_AGENT = f"fumehood/{version('fumehood')}"
MASK = b"[key]"

# At INFO level httpx logs every URL, and OpenAlex's URLs contain the API key.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class Keys:
    """The API keys. They never appear in a repr, and `clean` removes them from any text."""

    def __init__(self, values: Mapping[str, SecretStr]) -> None:
        self._values = dict(values)

    def __contains__(self, variable: object) -> bool:
        return variable in self._values

    def __getitem__(self, variable: str) -> str:
        return self._values[variable].get_secret_value()

    def clean(self, body: bytes) -> bytes:
        """Return a service's answer with every key in it replaced by MASK."""
        for secret in self._values.values():
            body = body.replace(secret.get_secret_value().encode(), MASK)
        return body


class HttpWeb:
    """Access to one service. Safe to share between threads; all services share one client."""

    def __init__(
        self, client: httpx.Client, endpoint: str, pace: Pace, keys: Keys, pacer: Pacer
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._client, self._pace, self._keys, self._pacer = client, pace, keys, pacer

    def key(self, variable: str) -> str:
        """Return the API key in an environment variable. Use it in requests and nowhere else."""
        return self._keys[variable]

    def turn(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Hold a turn at the service. Raises SourceFailed if it would come too late."""
        return self._pacer.turn(self._pace, deadline)

    def get(self, path: str, deadline: Deadline) -> bytes:
        """Send GET; return the body of an answer with status 200. Raises SourceFailed."""
        return self._ask("GET", path, deadline)

    def get_json(
        self,
        path: str,
        deadline: Deadline,
        params: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Send GET; return the parsed JSON of the answer. Raises SourceFailed."""
        return _as_json(self._ask("GET", path, deadline, params=params, headers=headers))

    def post_json(
        self, path: str, deadline: Deadline, body: dict[str, Any], headers: dict[str, str]
    ) -> Any:
        """Send POST with a JSON body; return the parsed JSON answer. Raises SourceFailed."""
        return _as_json(self._ask("POST", path, deadline, json=body, headers=headers))

    def _ask(self, method: str, path: str, deadline: Deadline, **request: Any) -> bytes:
        with self.turn(deadline):
            try:
                with self._client.stream(
                    method, self.endpoint + path, timeout=deadline.left(), **request
                ) as response:
                    body = _read(response, deadline)
            except httpx.TimeoutException as error:
                raise SourceFailed(
                    "timeout", "It did not answer in time. Ask again later."
                ) from error
            except httpx.TransportError as error:
                text = f"The connection failed ({type(error).__name__}). Check the network."
                raise SourceFailed("unavailable", text, again=True) from error
            except (httpx.DecodingError, httpx.InvalidURL) as error:
                raise SourceFailed(
                    "bad_answer", "Its answer could not be decoded. Ask again later."
                ) from error
        body = self._keys.clean(body)
        if response.status_code != 200:
            wait = seconds_to_wait(response.headers.get("retry-after"))
            if wait:
                self._pacer.hold_off(self._pace, wait)
            failure = failure_of_status(response.status_code, wait, said=_said(body))
            failure.http = response.status_code
            raise failure
        return body


def open_client() -> httpx.Client:
    """Return the HTTP client that all services share. It does not follow redirects."""
    return httpx.Client(headers={"User-Agent": USER_AGENT}, follow_redirects=False)


def failure_of_status(
    status: int, retry_after: float | None, key: str | None = None, said: str = ""
) -> SourceFailed:
    """Return the error for an HTTP status other than 200.

    retry_after: seconds. key: environment variable of the key, for the message. said: start of the
    answer's body.
    """
    quoted = f" It said: {said!r}." if said else ""
    if status == 429:
        wait = f"Ask again in {retry_after:.0f} s." if retry_after else "Ask again later."
        text = f"It received too many requests (HTTP 429). {wait}"
        return SourceFailed("rate_limited", text, retry_after=retry_after, again=True)
    if status in (401, 402, 403):
        what = key or "its key"
        text = f"It refused the request (HTTP {status}). Check {what} and its credit.{quoted}"
        return SourceFailed("refused", text)
    if status >= 500 or status in (408, 425):
        text = f"It is unavailable (HTTP {status}). Ask again later."
        return SourceFailed("unavailable", text, retry_after=retry_after, again=True)
    text = f"It did not accept the request (HTTP {status}). Simplify the query.{quoted}"
    return SourceFailed("bad_answer", text)


def _read(response: httpx.Response, deadline: Deadline) -> bytes:
    """Return the body. Checks the deadline after every part, so a slow server can't stall us."""
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise SourceFailed("bad_answer", f"Its answer is longer than {MOST_BYTES:,} bytes.")
        deadline.left()
    return b"".join(parts)


def _said(body: bytes) -> str:
    text = body[:2000].decode("utf-8", "replace")
    return "" if "<html" in text.lower() else one_line(text)[:160]


def _as_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceFailed(
            "bad_answer", "It answered with something that is not JSON (an outage page?)."
        ) from error


def seconds_to_wait(header: str | None) -> float | None:
    """Return the seconds in a Retry-After header (a number or a date, RFC 9110), or None."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(time.time(), UTC)).total_seconds())
