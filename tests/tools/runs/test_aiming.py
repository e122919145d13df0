"""The search for the value of a knob that gives a target L0."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumehood_tools.compare.matched import Curve
from fumehood_tools.records.levels import REACH, SAME_L0, TOLERANCE, is_at
from fumehood_tools.runs.aiming import MOST_TRIES, Aim
from fumehood_tools.runs.baselines import levels_around


def search(
    start: int | float, target: float, l0_of: Callable[[float], float], others: float = 1.0
) -> Aim:
    """Run a search in which a function replaces the trainings.

    others: the mean L0 of all seeds over that of the first.
    """
    aim = Aim(start, target)
    while not aim.is_settled:
        while (value := aim.next_value) is not None:
            aim.take(l0_of(value))
        aim.confirm(others * l0_of(aim.best.value), 3)
    return aim


def test_a_count_of_latents_is_hit_at_the_second_try() -> None:
    aim = search(32, 64, lambda k: 0.98 * k)
    assert [tried.value for tried in aim.tries] == [32, 65]
    assert aim.hit


def test_a_file_that_is_there_already_costs_one_try() -> None:
    assert len(search(0.1, 50, lambda _: 51.0).tries) == 1


@given(
    start=st.floats(0.01, 1.0),
    power=st.floats(-2.0, -0.3),
    at_tenth=st.floats(20.0, 200.0),
    target=st.sampled_from([16.0, 32.0, 64.0]),
)
def test_a_penalty_that_follows_a_power_law_is_found_from_anywhere(
    start: float, power: float, at_tenth: float, target: float
) -> None:
    aim = search(start, target, lambda penalty: at_tenth * (penalty / 0.1) ** power)
    assert aim.hit, aim.tries


@pytest.mark.parametrize("target", [20.0, 32.0, 64.0, 100.0])
def test_a_curve_with_a_bend_is_found_within_a_few_tries(target: float) -> None:
    # Like a short L1 training: steep where latents die, flat where the penalty is too small.
    aim = search(0.1, target, lambda penalty: 150 / (1 + (penalty / 0.08) ** 1.6))
    assert aim.hit and len(aim.tries) <= 5


def test_a_target_out_of_reach_ends_with_the_nearest_value() -> None:
    aim = search(32, 64, lambda k: min(k, 40.0))
    assert not aim.hit and aim.best.l0 == 40.0
    assert len(aim.tries) <= MOST_TRIES


def test_latents_that_all_died_do_not_stop_the_search() -> None:
    aim = search(1.0, 32, lambda penalty: 0.0 if penalty > 0.5 else 3.2 / penalty)
    assert aim.hit and aim.best.l0 == pytest.approx(32, rel=TOLERANCE)


def test_between_two_counts_the_nearer_one_is_taken() -> None:
    aim = search(4, 5.5, lambda k: float(k))
    assert not aim.hit and aim.best.value in (5, 6)


def test_a_try_without_a_score_ends_the_search() -> None:
    aim = Aim(32, 64)
    aim.give_up()
    assert aim.next_value is None


def test_a_hit_is_one_over_all_seeds_and_not_at_the_first_alone() -> None:
    # The first seed has 31 latents at K = 32, but the mean of all seeds is 8 % higher.
    aim = search(32, 31.0, lambda k: 0.97 * k, others=1.08)
    assert aim.hit and aim.best.value == 30 and aim.best.seeds == 3
    first, _ = aim.tries
    assert first.value == 32 and is_at(first.first, 31.0) and not is_at(first.l0, 31.0)


def test_a_search_whose_seeds_never_agree_ends_with_a_miss() -> None:
    aim = search(4, 5.5, lambda k: float(k), others=1.01)
    assert aim.is_settled and not aim.hit and aim.best.seeds == 3


def test_after_a_failure_the_best_value_is_still_run_with_all_seeds() -> None:
    aim = Aim(32, 64)
    aim.take(20.0)
    aim.give_up()
    assert not aim.is_settled
    aim.confirm(21.0, 3)
    assert aim.is_settled and aim.best == (32, 20.0, 21.0, 3)


@given(
    target=st.floats(4, 200),
    hit=st.floats(-0.99, 0.99),
    levels=st.tuples(*[st.floats(-0.99, 0.99)] * 3),
)
def test_whatever_the_search_calls_a_hit_the_comparison_covers(
    target: float, hit: float, levels: tuple[float, float, float]
) -> None:
    mine = target * SAME_L0**hit
    low, high = levels_around([target], 4096)
    wanted = (low, target, high)
    l0s = [l0 * SAME_L0**off for l0, off in zip(wanted, levels, strict=True)]
    assert is_at(mine, target) and Curve(l0s, l0s).at(mine) is not None
    alone = Curve([target], [0.7])
    assert alone.at(mine) == 0.7 and alone.at(REACH * target) is None
