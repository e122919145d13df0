"""Names in a margin do not overlap, keep their order, and are near their points."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumehood_tools.bench.name_layout import spread


@given(st.lists(st.floats(0, 400), max_size=40))
def test_names_are_apart_inside_and_in_the_order_of_their_points(wanted: list[float]) -> None:
    placed = spread(wanted, 11.0, 0.0, 400.0)
    shown = sorted((y, spot) for y, spot in zip(wanted, placed, strict=True) if spot is not None)
    assert len(shown) == min(len(wanted), 37)
    spots = [spot for _, spot in shown]
    assert all(0 <= spot <= 400.0 for spot in spots)
    assert sorted(spots) == spots
    assert all(b - a >= 11.0 - 1e-6 for a, b in zip(spots, spots[1:], strict=False))


def test_a_lone_name_is_where_its_point_is() -> None:
    assert spread([123.0, 300.0], 11.0, 0.0, 400.0) == [123.0, 300.0]


def test_two_on_one_spot_part_to_both_sides_of_it() -> None:
    assert spread([200.0, 200.0], 10.0, 0.0, 400.0) == [195.0, 205.0]


def test_without_room_for_all_some_are_left_out_and_nothing_overlaps() -> None:
    placed = spread([10.0] * 9, 10.0, 0.0, 30.0)
    assert [spot for spot in placed if spot is not None] == pytest.approx([0.0, 10.0, 20.0, 30.0])
    assert placed.count(None) == 5
