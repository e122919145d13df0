"""Convert PDF coordinates to points from the top left of the page as it is displayed."""

import math
from typing import Any, NamedTuple

from fumehood_tools.reading.document import Box


class Frame(NamedTuple):
    """Where a page begins, how large it is and how it is turned, to convert its coordinates."""

    left: float
    bottom: float
    width: float
    height: float
    rotation: int

    @classmethod
    def of(cls, page: Any, turn: int = 0) -> "Frame":
        """Return the frame of a pypdfium2 page: its crop box and rotation, plus `turn` degrees."""
        left, bottom, right, top = page.get_bbox()
        return cls(
            left,
            bottom,
            math.ceil(right - left),
            math.ceil(top - bottom),
            (page.get_rotation() + turn) % 360,
        )

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Convert a point from PDF coordinates."""
        x, y = x - self.left, self.height - (y - self.bottom)
        match self.rotation:
            case 90:
                return self.height - y, x
            case 180:
                return self.width - x, self.height - y
            case 270:
                return y, self.width - x
        return x, y

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        """Convert a box from PDF coordinates."""
        if self.rotation:
            (x0, y0), (x1, y1) = self.point(left, bottom), self.point(right, top)
        else:
            x0, x1 = left - self.left, right - self.left
            y0, y1 = self.height - (top - self.bottom), self.height - (bottom - self.bottom)
        if x0 > x1:
            x0, x1 = x1, x0
        return (x0, y0, x1, y1) if y0 <= y1 else (x0, y1, x1, y0)

    @property
    def shown(self) -> tuple[float, float]:
        """Width and height of the page as displayed."""
        sizes = (self.width, self.height)
        return sizes if self.rotation % 180 == 0 else (self.height, self.width)
