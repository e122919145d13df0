"""Read the log of a pod from REST v2: server-sent events, resumed after a cut, within limits.

The provider sends the newest lines first to last and then waits for more, so the log counts as read
when nothing comes for some seconds. After a cut the stream is resumed with Last-Event-ID; events
that come again are dropped. At most 5,000 lines (the provider's limit) and 4 MB are read.
"""

import json
from collections.abc import Iterator

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from fumehood_tools.deadlines import Deadline
from fumehood_tools.pods.api.answers import broken, failure_of_status
from fumehood_tools.pods.api.failures import PodsFailed
from fumehood_tools.pods.api.model import LogLine
from fumehood_tools.pods.api.wire import Wire
from fumehood_tools.web.service import seconds_to_wait

QUIET = 2.0
LONGEST = 15.0
MOST_LINES = 5000
MOST_BYTES = 4_000_000
MOST_CUTS = 5


class _Data(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    source: str = "container"
    line: str = ""


class _Collected:
    """The lines so far. again: lines from before a cut, which may be sent once more."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.size = 0
        self.again: set[LogLine] = set()

    @property
    def full(self) -> bool:
        return len(self.lines) >= MOST_LINES or self.size > MOST_BYTES

    def cut(self) -> None:
        self.again = set(self.lines)

    def add(self, line: LogLine) -> None:
        if line not in self.again:
            self.lines.append(line)


def read_logs(wire: Wire, url: str, deadline: Deadline, quiet: float) -> list[LogLine]:
    """Return the lines of a log. Raises PodsFailed; NoSuchPod if the pod does not exist."""
    limit = Deadline(LONGEST, lambda: broken("a slow log", changes=False), within=deadline)
    collected = _Collected()
    for _ in range(MOST_CUTS):
        outcome = _listen(wire, url, limit, quiet, collected)
        if isinstance(outcome, PodsFailed):
            raise outcome
        if outcome or not limit.remaining():
            break
        collected.cut()
    return collected.lines


def _listen(
    wire: Wire, url: str, limit: Deadline, quiet: float, collected: _Collected
) -> bool | PodsFailed:
    """Collect what one connection sends. Return whether that is all, or the failure."""
    headers = {"Accept": "text/event-stream"}
    if collected.lines:
        headers["Last-Event-ID"] = collected.lines[-1].id
    patience = httpx.Timeout(limit.left(), read=quiet)
    answered = False
    try:
        with wire.client.stream(
            "GET",
            url,
            params={"tail": MOST_LINES},
            headers=wire.headers(headers),
            timeout=patience,
        ) as response:
            if response.status_code != 200:
                wait = seconds_to_wait(response.headers.get("retry-after"))
                return failure_of_status(response.status_code, "", wait=wait)
            answered = True
            for line in _lines_of(response, limit, collected):
                collected.add(line)
                if collected.full:
                    break
            return True
    except httpx.ReadTimeout:
        return True if answered else broken("no answer for the log", changes=False)
    except (httpx.TransportError, httpx.DecodingError) as error:
        return False if answered else broken(type(error).__name__, changes=False)


def _lines_of(
    response: httpx.Response, limit: Deadline, collected: _Collected
) -> Iterator[LogLine]:
    """Yield the complete events of a stream, until it ends or the time is up."""
    rest, ident, data = b"", "", [""]
    for part in response.iter_bytes():
        collected.size += len(part)
        *whole, rest = (rest + part).split(b"\n")
        for raw in whole:
            field, _, value = raw.decode("utf-8", "replace").rstrip("\r").partition(":")
            value = value.removeprefix(" ")
            if field == "id":
                ident = value
            elif field == "data":
                data.append(value)
            elif not field and not value:
                if (line := _line(ident, "\n".join(data[1:]))) is not None:
                    yield line
                data = [""]
        if collected.size > MOST_BYTES or not limit.remaining():
            return


def _line(ident: str, data: str) -> LogLine | None:
    try:
        told = _Data.model_validate(json.loads(data))
    except (ValueError, ValidationError, RecursionError):
        return None
    source = "system" if told.source == "system" else "container"
    return LogLine(id=ident, source=source, text=told.line)
