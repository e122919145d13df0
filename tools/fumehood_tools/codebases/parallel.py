"""Run several calls at once, and return when the last has answered or the time is up."""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from fumehood_tools.deadlines import Deadline

R = TypeVar("R")
GRACE, LOOK_SECONDS = 0.25, 0.5


def in_parallel(
    calls: Sequence[Callable[[], R]],
    deadline: Deadline,
    late: Callable[[int], R],
    *,
    at_once: int = 8,
    on_done: Callable[[R], None] = lambda _: None,
) -> list[R]:
    """Return one result per call, in their order.

    late: returns the result of a call that has not answered in time; its thread is abandoned (it is
    a daemon). on_done: called with each result as it arrives. A call that raises counts as late,
    and its traceback goes to stderr.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, R | None]] = queue.SimpleQueue()
    for number in range(len(calls)):
        waiting.put(number)

    def work() -> None:
        while deadline.remaining():
            try:
                number = waiting.get(block=False)
            except queue.Empty:
                return
            answer: R | None = None
            try:
                answer = calls[number]()
            finally:
                done.put((number, answer))

    for _ in range(min(at_once, len(calls))):
        threading.Thread(target=work, daemon=True).start()
    results: dict[int, R] = {}
    heard = 0
    while heard < len(calls):
        try:
            number, result = done.get(timeout=min(LOOK_SECONDS, deadline.remaining()) + GRACE)
        except queue.Empty:
            # The deadline may have been ended meanwhile.
            if deadline.remaining():
                continue
            break
        heard += 1
        if result is not None:
            results[number] = result
            on_done(result)
    return [results[n] if n in results else late(n) for n in range(len(calls))]
