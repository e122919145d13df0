"""The items of a run that wait for a training.

Items that have a score already or break a rule never wait: the sweep learns at once what became of
them, and the items that follow from them are queued instead.
"""

from collections import deque
from collections.abc import Callable, Iterable

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.kinds import kind_named
from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.sweep import Sweep
from fumehood_tools.runs.tally import Tally
from fumehood_tools.sandbox.check import check_static
from fumehood_tools.sandbox.constants import judge_source
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.spec import LimitsSpec

Accepts = Callable[[RunItem], bool]
Check = Callable[[RunItem], ErrorReport | None]


def broken_rule(item: RunItem) -> ErrorReport | None:
    """Return the first static rule that a variant's source breaks; None if it breaks none."""
    if item.control is not None:
        return None
    found = check_static(item.source, item.variant, kind_named(item.kind))
    errors = (one for one in found if one.severity == "error")
    if (first := next(errors, None)) is None:
        return None
    line = "" if first.line is None else f":{first.line}"
    message = f"{item.variant}.py{line}: {first.message} Instead: {first.instead}"
    return ErrorReport(code="variant_rejected", message=message)


def no_rules(item: RunItem) -> None:
    """Check nothing."""


def everything(item: RunItem) -> bool:
    """Accept every item."""
    return True


class RunQueue:
    """Hands out items in order, until neither items nor searches are left."""

    def __init__(
        self,
        sweep: Sweep,
        tally: Tally,
        limits: LimitsSpec,
        accepts: Accepts = everything,
        check: Check = broken_rule,
    ) -> None:
        """accepts: items for which it is false are left out of the run, without a record."""
        self._sweep, self._tally, self._limits = sweep, tally, limits
        self._accepts, self._check = accepts, check
        self._waiting: deque[RunItem] = deque()
        self._enqueue(sweep.first())

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def total(self) -> int:
        """How many SAEs this run trains, as far as is known, without those scored before."""
        return self._sweep.total - len(self._tally.reused)

    @property
    def is_searching(self) -> bool:
        """Whether a search for an L0 may still add items."""
        return self._sweep.is_searching

    def holds(self, wanted: Accepts) -> bool:
        """Whether an item that is wanted waits here."""
        return any(map(wanted, self._waiting))

    def take(self, may_begin: Accepts = everything) -> RunItem | None:
        """Return the next item that may begin, or None.

        Items whose file is over its budget fail instead. may_begin: items for which it is false
        keep their place in the queue.
        """
        while (item := next(filter(may_begin, self._waiting), None)) is not None:
            self._waiting.remove(item)
            try:
                judge_source(item.source, self._limits)
            except IntegrityFailed as error:
                self._tally.failure(item, "check", ErrorReport.of(error))
                self.go_on(item, None)
            else:
                return item
        return None

    def put_back(self, item: RunItem) -> None:
        """Let an item be the next one again: its place was lost."""
        self._waiting.appendleft(item)

    def go_on(self, item: RunItem, l0: float | None) -> None:
        """Queue what follows from an item's L0, or from None: it got no score."""
        self._enqueue(self._sweep.after(item, l0))

    def _enqueue(self, items: Iterable[RunItem]) -> None:
        todo = deque(items)
        while todo:
            item = todo.popleft()
            if not self._accepts(item):
                continue
            l0 = self._tally.scored_before(item)
            if l0 is None and (error := self._check(item)) is None:
                self._waiting.append(item)
                continue
            if l0 is None and error is not None:
                self._tally.failure(item, "check", error)
            todo.extend(self._sweep.after(item, l0))
