"""HTTP requests to the provider: limits on time and size, typed failures, repeated where harmless.

The key is added here and nowhere else. Failures are raised outside of the handlers of httpx's
exceptions, because those carry the request, with the key and the environment of the pod. Redirects
are not followed. Requests are not paced: after HTTP 429 the provider says how long to wait.
"""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeVar

import httpx
from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from fumehood_tools.deadlines import Deadline
from fumehood_tools.pods.api.answers import LOST, broken, failure_of_status, quoted
from fumehood_tools.pods.api.failures import AnswerLost, PodsFailed, ProviderBusy
from fumehood_tools.web.service import MOST_BYTES, seconds_to_wait

SECONDS = 60.0
"""The time that a call of an adapter may take, with all its repetitions."""
ONE_REQUEST = 30.0
USEFUL = 0.05
MOST_TRIES = 10
_BACKOFF = wait_random_exponential(multiplier=0.25, max=8)

T = TypeVar("T")


class Reply(NamedTuple):
    """An answer: its HTTP status, and its parsed JSON (None where it has none)."""

    status: int
    content: Any


class Wire:
    """Sends requests with one key. Safe to share between threads."""

    def __init__(self, client: httpx.Client, key: SecretStr) -> None:
        self.client, self._key = client, key

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key, for masking."""
        return (self._key.get_secret_value(),)

    def headers(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the headers of a request, with the key."""
        return {"Authorization": f"Bearer {self._key.get_secret_value()}", **(more or {})}

    def ask(
        self,
        method: str,
        url: str,
        deadline: Deadline,
        *,
        changes: bool,
        allowed: Collection[int] = (200,),
        hidden: Collection[str] = (),
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> Reply:
        """Send one request, once. Raises PodsFailed for a status that is not allowed.

        changes: whether it may change something; then a lost answer is AnswerLost, not
        ProviderBusy. hidden: texts that no message may repeat.
        """
        seconds = min(deadline.left(), ONE_REQUEST)
        sent = self._send(method, url, seconds, changes, self.headers(headers), request)
        if isinstance(sent, PodsFailed):
            raise sent
        response, body = sent
        content = _parsed(body)
        if response.status_code in allowed:
            return Reply(response.status_code, content)
        said = quoted(_explained(content), (*hidden, *self.secrets))
        wait = seconds_to_wait(response.headers.get("retry-after"))
        raise failure_of_status(response.status_code, said, wait=wait, changes=changes)

    def _send(
        self,
        method: str,
        url: str,
        seconds: float,
        changes: bool,
        headers: dict[str, str],
        request: dict[str, Any],
    ) -> tuple[httpx.Response, bytes] | PodsFailed:
        limit = Deadline(seconds, lambda: _late(changes))
        try:
            with self.client.stream(
                method, url, headers=headers, timeout=seconds, **request
            ) as response:
                return response, _read(response, limit, changes)
        except PodsFailed as failed:
            return failed
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            name = type(error).__name__
            return ProviderBusy(f"RunPod cannot be reached ({name}). Check the network.")
        except httpx.TimeoutException:
            return _late(changes)
        except (httpx.TransportError, httpx.DecodingError) as error:
            return broken(type(error).__name__, changes=changes)


def repeated(call: Callable[[Deadline], T], seconds: float) -> T:
    """Return the result of a call that may be sent several times.

    It is repeated after ProviderBusy and AnswerLost: after the provider's Retry-After, else with
    exponential backoff and jitter, at most 10 times, as long as a try can begin within `seconds`.
    """
    deadline = Deadline(seconds, lambda: _late(changes=False))

    def may_help(error: BaseException) -> bool:
        if not isinstance(error, ProviderBusy | AnswerLost):
            return False
        return (error.retry_after or 0.0) + USEFUL < deadline.remaining()

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, PodsFailed) else None
        longest = max(0.0, deadline.remaining() - USEFUL)
        return min(_BACKOFF(state) if asked is None else asked, longest)

    tries = Retrying(
        retry=retry_if_exception(may_help),
        stop=stop_after_attempt(MOST_TRIES),
        wait=pause,
        reraise=True,
    )
    return tries(call, deadline)


def once(call: Callable[[Deadline], T], seconds: float) -> T:
    """Return the result of a call that must not be repeated."""
    return call(Deadline(seconds, lambda: _late(changes=True)))


def _late(changes: bool) -> PodsFailed:
    if changes:
        return AnswerLost(f"RunPod did not answer in time. {LOST}")
    return ProviderBusy("RunPod did not answer in time. Ask again later.")


def _read(response: httpx.Response, limit: Deadline, changes: bool) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise broken(f"an answer longer than {MOST_BYTES:,} bytes", changes=changes)
        limit.left()
    return b"".join(parts)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _explained(content: Any) -> str:
    """Return what an error says: RFC 9457 (title, detail, errors), or the first GraphQL error."""
    if not isinstance(content, dict):
        return ""
    errors = content.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    if isinstance(first, dict):
        return str(first.get("message", ""))
    told = content.get("detail") or content.get("message") or content.get("title") or ""
    more = "; ".join(map(str, errors)) if isinstance(errors, list) else ""
    return f"{told} ({more})" if more else str(told)
