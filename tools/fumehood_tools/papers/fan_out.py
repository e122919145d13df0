"""Ask all sources in parallel, and return when the slowest has answered or at the deadline.

Each source runs in its own thread with its own pacing, retries and typed status. The pause before
a retry is the one that Retry-After states, else exponential with jitter (tenacity). A thread that
is still busy at the deadline is abandoned; it is a daemon, so it does not block shutdown. A failure
in one source does not affect the others.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import FumehoodError
from fumehood_tools.papers.paper import Paper
from fumehood_tools.papers.sources.model import Answer, Query, Source, SourceStatus
from fumehood_tools.web.model import NoTurn, SourceFailed, Status, Web, answer_within

TRIES = 3
GRACE = 0.25
_BACKOFF = wait_random_exponential(multiplier=0.5, max=8)


@dataclass(frozen=True)
class SourceResult:
    """The status and papers of one source."""

    status: SourceStatus
    papers: list[Paper]


WebOf = Callable[[Source], Web]


def ask_all(
    sources: Sequence[Source],
    query: Query,
    web_of: WebOf,
    *,
    seconds: float,
    on_answer: Callable[[SourceResult], None] = lambda _: None,
) -> list[SourceResult]:
    """Return one result per source, in their order, after at most `seconds`.

    on_answer: called with each result as soon as it arrives.
    """
    deadline = answer_within(seconds)
    answered: queue.Queue[tuple[int, SourceResult]] = queue.Queue()

    def run(place: int, source: Source) -> None:
        outcome = _failed(
            source, "unavailable", "It failed because of a bug in fumehood. See the server's log."
        )
        try:
            outcome = ask_one(source, query, web_of(source), deadline)
        finally:
            answered.put((place, outcome))

    for place, source in enumerate(sources):
        threading.Thread(
            target=run, args=(place, source), name=f"search {source.name}", daemon=True
        ).start()
    outcomes: dict[int, SourceResult] = {}
    while len(outcomes) < len(sources):
        try:
            place, outcome = answered.get(timeout=deadline.remaining() + GRACE)
        except queue.Empty:
            break
        outcomes[place] = outcome
        on_answer(outcome)
    late = f"It did not answer within {seconds:.0f} s. Ask again, or omit it from sources."
    return [
        outcomes.get(place) or _failed(source, "timeout", late, seconds=seconds)
        for place, source in enumerate(sources)
    ]


def ask_one(source: Source, query: Query, web: Web, deadline: Deadline) -> SourceResult:
    """Ask one source, retrying where that may help. A failure is returned as a status."""
    began = time.monotonic()
    try:
        answer = _with_retries(source, query, web, deadline)
    except SourceFailed as failed:
        return _failed(
            source,
            failed.status,
            str(failed),
            seconds=time.monotonic() - began,
            retry_after=failed.retry_after,
        )
    except FumehoodError as error:
        return _failed(source, "unavailable", str(error), seconds=time.monotonic() - began)
    note = f"{answer.unreadable} of its entries could not be read." if answer.unreadable else None
    status = SourceStatus(
        name=source.name,
        status="ok",
        count=len(answer.papers),
        total=answer.total,
        seconds=round(time.monotonic() - began, 2),
        error=note,
        cost_usd=answer.cost_usd,
    )
    return SourceResult(status, answer.papers)


def _with_retries(source: Source, query: Query, web: Web, deadline: Deadline) -> Answer:
    def may_help(error: BaseException) -> bool:
        if not (isinstance(error, SourceFailed) and error.again):
            return False
        return (error.retry_after or 0.0) < deadline.remaining()

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, SourceFailed) else None
        return min(asked if asked is not None else _BACKOFF(state), deadline.remaining())

    failures: list[SourceFailed] = []

    def ask() -> Answer:
        try:
            return source.ask(query, web, deadline)
        except SourceFailed as failed:
            # If a retry gets no turn in time, report the failure of the first attempt instead.
            known = failures[-1] if failures and isinstance(failed, NoTurn) else failed
            failures.append(known)
            raise known from failed

    tries = Retrying(
        retry=retry_if_exception(may_help),
        stop=stop_after_attempt(TRIES),
        wait=pause,
        reraise=True,
    )
    return tries(ask)


def _failed(
    source: Source,
    status: Status,
    text: str,
    *,
    seconds: float = 0,
    retry_after: float | None = None,
) -> SourceResult:
    return SourceResult(
        SourceStatus(
            name=source.name,
            status=status,
            seconds=round(seconds, 2),
            error=text,
            retry_after=retry_after,
        ),
        [],
    )
