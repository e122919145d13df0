"""The interface to a web service: deadlines, request pacing, and typed failures."""

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from fumehood_tools.deadlines import Clock, Deadline
from fumehood_tools.errors import FumehoodError

Status = Literal[
    "ok", "rate_limited", "timeout", "unavailable", "bad_answer", "refused", "no_key", "offline"
]


class SourceFailed(FumehoodError):
    """A request to a service failed. `status` is the reason; `again`: a retry may help.

    `http` is the status of its answer, if it answered.
    """

    code = "source_failed"
    http: int | None = None

    def __init__(
        self, status: Status, text: str, *, retry_after: float | None = None, again: bool = False
    ) -> None:
        super().__init__(text)
        self.status, self.retry_after, self.again = status, retry_after, again


class NoTurn(SourceFailed):
    """The request was not sent: other requests to the service come first, past our deadline."""

    def __init__(self, seconds: float) -> None:
        text = f"Other searches are waiting for this service too. Ask again in {seconds:.0f} s."
        super().__init__("rate_limited", text, retry_after=round(seconds, 1))


def answer_within(seconds: float, clock: Clock = time.monotonic) -> Deadline:
    """Return a deadline in `seconds` that raises SourceFailed when it has passed."""
    return Deadline(
        seconds,
        lambda: SourceFailed("timeout", "It did not answer in time. Ask again later."),
        clock,
    )


@dataclass(frozen=True)
class Pace:
    """The rate at which all processes of one user together may send requests to a service."""

    service: str
    interval: float
    """Seconds from the start of one request to the start of the next. With one_at_a_time: from
    the end of one request to the start of the next."""
    one_at_a_time: bool = False


class Web(Protocol):
    """Access to one service (implemented by service.HttpWeb). Every request waits for its turn."""

    @property
    def endpoint(self) -> str:
        """The base URL of the service, without a slash at its end."""

    def key(self, variable: str) -> str:
        """Return the API key in an environment variable. Use it in requests and nowhere else."""

    def turn(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Hold a turn for a request that another HTTP client will send. Raises SourceFailed."""

    def get(self, path: str, deadline: Deadline) -> bytes:
        """Send GET; return the body of an answer with status 200. Raises SourceFailed."""

    def get_json(
        self,
        path: str,
        deadline: Deadline,
        params: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Send GET; return the parsed JSON of the answer. Raises SourceFailed."""

    def post_json(
        self, path: str, deadline: Deadline, body: dict[str, Any], headers: dict[str, str]
    ) -> Any:
        """Send POST with a JSON body; return the parsed JSON answer. Raises SourceFailed."""
