"""The range of a constant follows from its type and the values that were tried."""

import math

import pytest

from fumehood_tools.records.parameters import Value
from fumehood_tools.studies.suggesting.ranges import ValueRange, range_of


def found(own: Value, *tried: Value) -> ValueRange:
    """Return the range of a constant; it must have one."""
    result = range_of("X", own, tried)
    assert result is not None
    return result


def test_a_number_above_zero_is_widened_by_a_factor_on_a_logarithmic_scale() -> None:
    assert found(2.0, 8.0).text() == "X: 0.5 to 32, logarithmic"
    assert found(8).text() == "X: 2 to 32, logarithmic"
    assert found(1).low == 1


def test_a_share_stays_below_one_until_somebody_tries_more() -> None:
    assert found(0.9).high == 0.999
    assert found(0.9, 0.9995).high == 0.9995
    assert found(0.01).high == 0.04
    assert found(0.9, 2.0).high == 8.0


def test_a_number_that_may_be_negative_is_widened_on_a_linear_scale() -> None:
    assert found(-1.0, 1.0).text() == "X: -3 to 3"
    assert found(0, 4).text() == "X: -4 to 8"


@pytest.mark.parametrize("own", [0, 0.0, -0.5, "relu", math.inf])
def test_a_single_value_without_a_scale_has_no_range(own: Value) -> None:
    assert range_of("X", own, []) is None


def test_words_and_switches_have_choices() -> None:
    assert found(True).choices == (False, True)
    assert found("relu", "tanh", "relu").choices == ("relu", "tanh")


def test_values_of_another_type_do_not_count() -> None:
    assert found(2.0, "wide", True, math.nan).text() == "X: 0.5 to 8, logarithmic"
    assert range_of("X", "relu", [3, 4.0]) is None


def test_a_value_is_checked_for_type_and_bounds() -> None:
    whole, share, switch = found(8), found(0.5), found(False)
    assert [whole.has(v) for v in (8, 1, 33, 8.0, True, "8")] == [True] + [False] * 5
    assert [share.has(v) for v in (0.5, 0.0, math.nan, "0.5")] == [True] + [False] * 3
    assert [switch.has(v) for v in (True, 1, 0)] == [True, False, False]


def test_a_proposed_number_has_three_digits_and_stays_in_the_range() -> None:
    share = found(0.9)
    assert share.rounded(0.345678) == 0.346
    assert share.rounded(0.99999) == 0.999
    assert found(8).rounded(7) == 7
