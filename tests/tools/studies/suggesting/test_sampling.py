"""Optuna proposes from what was measured, and what was cut short does not keep it away."""

import math
from typing import Any

from fumehood_tools.studies.suggesting.ranges import range_of
from fumehood_tools.studies.suggesting.sampling import (
    PastTrial,
    SamplingRequest,
    State,
    propose,
)

LR = range_of("LR", 0.01, [0.0001, 1.0])
ON = range_of("ON", True, [])


def trial(lr: float, state: State = "COMPLETE", on: bool = True) -> PastTrial:
    """Return a trial whose objective is best at a rate of 0.01."""
    objective = -((math.log10(lr) + 2) ** 2) if state == "COMPLETE" else None
    return PastTrial(values={"LR": lr, "ON": on}, state=state, objective=objective)


def rates(trials: list[PastTrial], seeds: int = 12) -> list[Any]:
    """Return the first rate that is proposed with each of several seeds."""
    ranges = [one for one in (LR, ON) if one]
    asked = [
        SamplingRequest(ranges=ranges, trials=trials, count=1, seed=seed) for seed in range(seeds)
    ]
    return [values["LR"] for one in asked for values in propose(one)]


def distance(proposed: list[Any]) -> float:
    """Return the mean distance of rates from the best one, in decades."""
    return sum(abs(math.log10(rate) + 2) for rate in proposed) / len(proposed)


MEASURED = [trial(10 ** -(step / 4)) for step in range(1, 16)]


def test_proposals_gather_where_the_objective_was_high() -> None:
    assert distance(rates(MEASURED)) < 0.6 < distance(rates([]))


def test_the_same_records_give_the_same_proposals() -> None:
    assert rates(MEASURED) == rates(MEASURED)


def test_a_try_that_was_cut_short_changes_nothing_and_a_living_one_keeps_others_away() -> None:
    cut, living = (
        [trial(10 ** (-2 + step / 50), state) for step in range(-8, 9)]
        for state in ("FAIL", "RUNNING")
    )
    assert distance(rates([*MEASURED, *cut])) == distance(rates(MEASURED))
    assert distance(rates([*MEASURED, *living])) > 1.3 * distance(rates(MEASURED))


def test_what_failed_by_itself_is_avoided() -> None:
    failed = [trial(10 ** (-2 + step / 10), "PRUNED") for step in range(-5, 6)]
    best = [trial(10 ** (-0.5 + step / 50)) for step in range(12)]
    assert all(not 0.005 < rate < 0.02 for rate in rates([*best, *failed]))


def test_nothing_that_was_tried_is_proposed() -> None:
    asked = SamplingRequest(
        ranges=[ON] if ON else [],
        trials=[PastTrial(values={"ON": True}, state="COMPLETE", objective=1.0)],
        count=4,
        seed=0,
    )
    assert propose(asked) == [{"ON": False}]


def test_an_objective_that_is_not_finite_says_nothing() -> None:
    broken = [
        PastTrial(values={"LR": 0.01, "ON": True}, state="COMPLETE", objective=value)
        for value in (math.nan, math.inf, None)
    ]
    assert rates([*MEASURED, *broken]) == rates([*MEASURED, trial(0.01, "FAIL")])
