"""How a service on the web is reached, and how it fails: waits, turns, and typed failures."""

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
    """A service gave nothing of use; `status` says why, `again` whether asking twice helps."""

    code = "source_failed"

    def __init__(
        self, status: Status, text: str, *, retry_after: float | None = None, again: bool = False
    ) -> None:
        super().__init__(text)
        self.status, self.retry_after, self.again = status, retry_after, again


class NoTurn(SourceFailed):
    """Others ask the same service, and our turn would come too late."""

    def __init__(self, seconds: float) -> None:
        text = f"Other searches are waiting for it too. Ask again in {seconds:.0f} s."
        super().__init__("rate_limited", text, retry_after=round(seconds, 1))


def answer_within(seconds: float, clock: Clock = time.monotonic) -> Deadline:
    """Return the moment before which a service must have answered; later is SourceFailed."""
    return Deadline(seconds, lambda: SourceFailed("timeout", "It did not answer in time."), clock)


@dataclass(frozen=True)
class Pace:
    """How fast a service may be asked, by all processes of a user together."""

    service: str
    interval: float
    """Seconds between the beginnings of two requests; between two, where one_at_a_time."""
    one_at_a_time: bool = False


class Web(Protocol):
    """How a service is reached (service.HttpWeb); every request waits for its turn."""

    @property
    def endpoint(self) -> str:
        """The base address of the service, without a slash at its end."""

    def key(self, variable: str) -> str:
        """Return a key. It is put into requests and nowhere else."""

    def turn(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Hold a turn at the service, for a client of its own. Raises SourceFailed."""

    def get(self, path: str, deadline: Deadline) -> bytes:
        """Return the body of an answer with status 200. Raises SourceFailed."""

    def get_json(
        self,
        path: str,
        deadline: Deadline,
        params: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Return the JSON of an answer. Raises SourceFailed."""

    def post_json(
        self, path: str, deadline: Deadline, body: dict[str, Any], headers: dict[str, str]
    ) -> Any:
        """Return the JSON of an answer to a JSON request. Raises SourceFailed."""
