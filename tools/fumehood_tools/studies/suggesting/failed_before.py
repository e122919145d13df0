"""What would only fail again: files and planned runs that failed by themselves as they are now.

A run that reached a limit of time or memory is not one of them: that depends on the machine, too.
Light: reads records.
"""

from collections.abc import Iterator

from fumehood_tools.records.parameters import Value, combinations
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.studies.entries import Plan, PlannedVariant
from fumehood_tools.studies.suggesting.board import Board

Run = tuple[int, tuple[str, ...]]
"""A seed, and the values of the plan's grid; no values where the L0 is searched for."""


def fails_again(board: Board, plan: Plan, variant: str) -> Failure | None:
    """Return the newest failure if all runs that a plan lacks for a variant failed by themselves.

    None as well if it lacks none, or if the baseline lacks one that may still get a score.
    """
    files = [one for one in plan.variants if one.name == variant] + [plan.baseline]
    missing = [found for file in files for found in _missing(board, plan, file)]
    reasons = [one for one in missing if one is not None and one.limit is None]
    if not missing or len(reasons) < len(missing):
        return None
    return max(reasons, key=lambda one: one.finished)


def _missing(board: Board, plan: Plan, file: PlannedVariant) -> Iterator[Failure | None]:
    """Yield, for each planned run of a file without a score, its newest failure or None."""
    failures = board.boxes[plan.sandbox].failures if plan.sandbox in board.boxes else {}
    failed = {
        _run(plan, file, one): one
        for one in sorted(failures.values(), key=lambda one: one.finished)
        if _is_of(one, file)
    }
    scored = _scored(board, plan, file)
    values = [_values(plan, file, changed) for changed in combinations(plan.grid)]
    for seed in plan.seeds:
        for chosen in values:
            if (seed, chosen) not in scored:
                yield failed.get((seed, chosen))


def _scored(board: Board, plan: Plan, file: PlannedVariant) -> set[Run]:
    if plan.own is not None:
        # Most servers have no sandbox with an evaluation of its own.
        from fumehood_tools.custom.scored import scores_of
        from fumehood_tools.sandbox.create import open_sandbox

        settings = board.lab.settings
        versions = scores_of(settings, open_sandbox(settings, plan.sandbox)).versions
        same = [
            one for one in versions if (one.variant, one.sha256) == (file.name, file.file_sha256)
        ]
        return {(seed, _values(plan, file, {})) for one in same for seed in one.scores}
    scores = board.boxes[plan.sandbox].scores if plan.sandbox in board.boxes else {}
    return {_run(plan, file, one) for one in scores.values() if _is_of(one, file)}


def _is_of(record: Score | Failure, file: PlannedVariant) -> bool:
    wanted = file.name, file.file_sha256
    return (record.variant, record.file_version) == wanted and record.control is None


def _run(plan: Plan, file: PlannedVariant, record: Score | Failure) -> Run:
    return record.seed, _values(plan, file, record.parameters)


def _values(plan: Plan, file: PlannedVariant, changed: dict[str, Value]) -> tuple[str, ...]:
    """Return the values of the constants of the plan's grid. Records have only changed ones."""
    own = {**file.constants, **changed}
    return tuple(repr(own.get(name)) for name in sorted(plan.grid))
