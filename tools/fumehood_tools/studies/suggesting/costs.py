"""What a suggested experiment would cost, and what is left of a study's budget. Light."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError
from fumehood_tools.plain_files import read_plain
from fumehood_tools.records.parameters import Value
from fumehood_tools.runs.baselines import levels_around
from fumehood_tools.runs.forecast import forecast
from fumehood_tools.runs.pace import Expected, expected
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.sweep import check_request, search_runs
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.studies.entries import Experiment, Plan
from fumehood_tools.studies.spending import Spent, spent_in, tested_in
from fumehood_tools.studies.suggesting.board import Board


class Cost(NamedTuple):
    """SAEs that will be trained and scored, and the minutes that takes on this machine."""

    saes: int
    minutes: float


FREE = Cost(0, 0.0)


class Left(NamedTuple):
    """What is left of a budget; None: no limit."""

    saes: int | None
    minutes: float | None

    def allows(self, cost: Cost) -> bool:
        """Whether a cost fits into what is left."""
        return (self.saes is None or cost.saes <= self.saes) and (
            self.minutes is None or cost.minutes <= self.minutes
        )

    def text(self) -> str:
        """Return what is left in words; "" without a limit."""
        said = [
            *([f"{self.saes} SAEs"] if self.saes is not None else []),
            *([f"{self.minutes:.0f} minutes"] if self.minutes is not None else []),
        ]
        return " and ".join(said)


def left_of(board: Board, is_active: Callable[[str], bool], most_minutes: float | None) -> Left:
    """Return what is left of a study's budget. most_minutes: a limit for this question alone.

    is_active: whether a job waits or runs; what such jobs will still take counts as spent.
    """
    budget, by_plan, total = board.study.opened.budget, dict[int, Spent](), Spent()
    if budget.saes is not None or budget.minutes is not None:
        by_plan = spent_in(board.lab, board.study)
        total = tested_in(board.lab, board.study)
    for one in by_plan.values():
        total = total.plus(one)
    for _, job in board.study.only(Experiment) if by_plan else ():
        own = by_plan.get(job.plan, Spent())
        if is_active(job.job_id):
            more = max(0, job.saes - own.saes), max(0.0, job.minutes - own.minutes)
            total = total.plus(Spent(*more))
    saes = None if budget.saes is None else max(0, budget.saes - total.saes)
    minutes = most_minutes
    if budget.minutes is not None:
        unspent = max(0.0, budget.minutes - total.minutes)
        minutes = unspent if minutes is None else min(minutes, unspent)
    return Left(saes, minutes)


class Costs:
    """Estimates for one answer, which read every sandbox and file once."""

    def __init__(self, board: Board) -> None:
        self._settings, self._records = board.lab.settings, board.boxes
        self._opened: dict[str, Sandbox | FumehoodError] = {}
        self._paces: dict[str, Expected] = {}

    def sandbox(self, name: str) -> Sandbox:
        """Return a sandbox. Raises the FumehoodError with which it cannot be opened."""
        if name not in self._opened:
            try:
                self._opened[name] = open_sandbox(self._settings, name)
            except FumehoodError as error:
                self._opened[name] = error
        found = self._opened[name]
        if isinstance(found, FumehoodError):
            raise found
        return found

    def minutes(self, sandbox: str, saes: float) -> float:
        """Return the minutes of a run of so many SAEs. Raises FumehoodError."""
        if saes <= 0:
            return 0.0
        if sandbox not in self._paces:
            self._paces[sandbox] = expected(self.sandbox(sandbox).spec, self._settings.cache)
        return self._paces[sandbox].whole(saes) / 60

    def of_plan(
        self,
        plan: Plan,
        seeds: Sequence[int],
        variants: Sequence[str],
        *,
        fresh: bool = True,
    ) -> Cost:
        """Return the cost of a plan with these seeds and variants. Raises as `of_run` does."""
        baseline = plan.baseline.name
        names = variants if plan.l0_targets else [baseline, *variants]
        targets, grid = plan.l0_targets, plan.grid
        return self.of_run(plan.sandbox, names, seeds, targets, grid, baseline, fresh=fresh)

    def of_run(
        self,
        sandbox: str,
        variants: Sequence[str],
        seeds: Sequence[int],
        l0_targets: Sequence[float] = (),
        grid: Mapping[str, Sequence[Value]] | None = None,
        baseline: str | None = None,
        *,
        fresh: bool = False,
    ) -> Cost:
        """Return the cost of a call of run_variants, without what has a score already.

        fresh: no score with these seeds is there, so none is looked for (which takes 20 ms per
        1,000 scores). Raises UnknownName for a file or sandbox that is gone, BadRequest for a
        request that run_variants would refuse, StorageFailed.
        """
        box = self.sandbox(sandbox)
        around = levels_around(l0_targets, box.spec.dict_size) if baseline else ()
        aimed = baseline if l0_targets else None
        request = RunRequest(
            sandbox=sandbox,
            variants=tuple(variants),
            seeds=tuple(seeds),
            grid={name: tuple(values) for name, values in (grid or {}).items()},
            l0_targets=tuple(l0_targets),
            baseline=aimed,
            around=around,
        )
        files = dict.fromkeys([*variants, *([aimed] if aimed else [])])
        sources = {name: read_plain(box.variant_path(name)) for name in files}
        count = check_request(sources, request) + search_runs(sources, request)
        records = None if fresh else self._records.get(sandbox)
        left = count if records is None else forecast(box, request, records, count).left
        return Cost(left, self.minutes(sandbox, left))

    def elsewhere(self, sandbox: str, saes: int) -> Cost:
        """Return the cost of so many SAEs on another layer, whose activations are harvested first.

        Raises FumehoodError.
        """
        spec = self.sandbox(sandbox).spec
        subject = spec.subject.model_copy(update={"layer": spec.subject.layer + 1})
        pace = expected(spec.model_copy(update={"subject": subject}), self._settings.cache)
        return Cost(saes, pace.whole(saes) / 60)
