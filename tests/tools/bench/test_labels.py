"""Labels keep off each other, whatever the points."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fumehood_tools.bench.labels import Box, Item, place_labels

AREA = Box(0, 0, 640, 440)
ITEMS = st.lists(
    st.builds(Item, st.floats(0, 640), st.floats(0, 440), st.floats(20, 150), st.just(11.0)),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(ITEMS)
def test_labels_overlap_neither_each_other_nor_a_point_and_stay_inside(items: list[Item]) -> None:
    boxes = [box for box in place_labels(items, AREA).boxes if box is not None]
    for index, box in enumerate(boxes):
        assert box.inside(AREA)
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])
        assert not any(box.overlaps(Box(i.x - 6, i.y - 6, i.x + 6, i.y + 6)) for i in items)


def test_twenty_points_on_one_spot_all_keep_their_labels() -> None:
    items = [Item(320 + 0.1 * n, 220, 110, 11) for n in range(20)]
    assert place_labels(items, AREA).left_out == []


def test_a_lone_point_has_its_label_right_beside_it() -> None:
    [box] = place_labels([Item(300, 200, 80, 11)], AREA).boxes
    assert box is not None and 306 < box.left < 314 and box.bottom < 200 < box.top


def test_a_label_without_a_place_is_reported_not_drawn_over_others() -> None:
    small = Box(0, 0, 100, 20)
    placed = place_labels([Item(50, 10, 90, 11), Item(52, 10, 90, 11)], small)
    assert placed.left_out == [0, 1]


def test_the_same_points_give_the_same_places() -> None:
    items = [Item(37.0 * n % 640, 53.0 * n % 440, 90, 11) for n in range(15)]
    assert place_labels(items, AREA) == place_labels(items, AREA)
