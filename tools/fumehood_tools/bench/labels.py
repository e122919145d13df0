"""Put labels beside points so that nothing overlaps. Deterministic; pixels, y upwards.

Greedy: lone points first, so that each keeps its label beside it; those of a crowd then fan out on
growing rings around it, with a line back.
A label that finds no free place is left out and returned by index, never drawn over another.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: "Box", gap: float = 0.0) -> bool:
        """Whether the two share more than an edge, or are closer than gap."""
        return (
            self.left < other.right + gap
            and other.left < self.right + gap
            and self.bottom < other.top + gap
            and other.bottom < self.top + gap
        )

    def inside(self, other: "Box") -> bool:
        """Whether this lies wholly in other."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.bottom >= other.bottom
            and self.top <= other.top
        )


class Item(NamedTuple):
    """A point with the size of its label."""

    x: float
    y: float
    width: float
    height: float


class Line(NamedTuple):
    """A straight line between two points."""

    x0: float
    y0: float
    x1: float
    y1: float


class Placement(NamedTuple):
    """Where the labels go: one box per item, None for what found no place."""

    boxes: list[Box | None]

    @property
    def left_out(self) -> list[int]:
        """The items without a place."""
        return [index for index, box in enumerate(self.boxes) if box is None]


_MARKER = 6.0
_GAP = 2.0
_FIRST_RING, _RING_STEP, _RINGS = 9.0, 9.0, 30
_ANGLES = 24
_CROSSING = 40.0
_OVER_TEXT = 150.0
_OVER_POINT = 12.0


def place_labels(items: Sequence[Item], area: Box, obstacles: Sequence[Box] = ()) -> Placement:
    """Return a box per label inside area, off every point, obstacle and other label."""
    layout = _Layout(items, area, obstacles)
    boxes: list[Box | None] = [None] * len(items)
    for index in sorted(range(len(items)), key=lambda i: (_crowding(items, i), i)):
        boxes[index] = layout.place(items[index])
    return Placement(boxes)


def leader(item: Item, box: Box) -> Line:
    """Return the line from the point to the nearest of the middles of its label's four edges."""
    middle_x, middle_y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    ends = [
        (box.left, middle_y),
        (box.right, middle_y),
        (middle_x, box.bottom),
        (middle_x, box.top),
    ]
    x, y = min(ends, key=lambda end: math.hypot(end[0] - item.x, end[1] - item.y))
    return Line(item.x, item.y, x, y)


def _crowding(items: Sequence[Item], index: int) -> float:
    here = items[index]
    return sum(
        1 / (20 + math.hypot(here.x - other.x, here.y - other.y))
        for number, other in enumerate(items)
        if number != index
    )


def _candidates(item: Item) -> list[tuple[float, Box]]:
    """Return (cost, box) on rings around the point, cheapest first; right and left come first."""
    found = []
    for ring in range(_RINGS):
        radius = _FIRST_RING + ring * _RING_STEP
        for step in range(_ANGLES):
            angle = 2 * math.pi * step / _ANGLES
            dx, dy = math.cos(angle), math.sin(angle)
            x = item.x + radius * dx + item.width / 2 * (dx - 1)
            y = item.y + radius * dy + item.height / 2 * (dy - 1)
            box = Box(x, y, x + item.width, y + item.height)
            found.append((radius * (1 + 0.8 * abs(dy)) + (1 - dx), box))
    return sorted(found)


class _Layout:
    """What is on the panel so far."""

    def __init__(self, items: Sequence[Item], area: Box, obstacles: Sequence[Box]) -> None:
        self.area = area
        self.points = [
            Box(i.x - _MARKER, i.y - _MARKER, i.x + _MARKER, i.y + _MARKER) for i in items
        ]
        self.taken = [*self.points, *obstacles]
        self.labels: list[Box] = []
        self.leaders: list[Line] = []

    def place(self, item: Item) -> Box | None:
        """Put the item's label at the cheapest free place and return it."""
        best: tuple[float, Box] | None = None
        for base, box in _candidates(item):
            if best is not None and base >= best[0]:
                break
            if box.inside(self.area) and not any(box.overlaps(t, _GAP) for t in self.taken):
                cost = base + self._disturbance(leader(item, box), box)
                if best is None or cost < best[0]:
                    best = (cost, box)
        if best is None:
            return None
        self.taken.append(best[1])
        self.labels.append(best[1])
        self.leaders.append(leader(item, best[1]))
        return best[1]

    def _disturbance(self, line: Line, box: Box) -> float:
        """Return what it costs that lines cross, or run over text and points."""
        crossed = sum(_cross(line, other) for other in self.leaders)
        struck = sum(_touches(other, box) for other in self.leaders)
        strikes = sum(_touches(line, other) for other in self.labels)
        passed = sum(_touches(line, point) for point in self.points)
        return _CROSSING * crossed + _OVER_TEXT * (struck + strikes) + _OVER_POINT * passed


def _touches(line: Line, box: Box) -> bool:
    """Whether the line runs through the box: it is cut to the box's four sides in turn."""
    start, end = 0.0, 1.0
    for origin, step, low, high in (
        (line.x0, line.x1 - line.x0, box.left, box.right),
        (line.y0, line.y1 - line.y0, box.bottom, box.top),
    ):
        if step == 0:
            if not low < origin < high:
                return False
            continue
        one, two = (low - origin) / step, (high - origin) / step
        start, end = max(start, min(one, two)), min(end, max(one, two))
        if start >= end:
            return False
    return True


def _cross(a: Line, b: Line) -> bool:
    def side(x: float, y: float, line: Line) -> float:
        return (line[2] - line[0]) * (y - line[1]) - (line[3] - line[1]) * (x - line[0])

    return (
        side(a[0], a[1], b) * side(a[2], a[3], b) < 0
        and side(b[0], b[1], a) * side(b[2], b[3], a) < 0
    )
