"""Find the part of a page object that can be seen: its bounds, cut at its clipping paths.

A plot is often drawn far beyond its axes and clipped there. pdfium gives the bounds of all that is
drawn. Objects that are whole cost two calls; clipping paths are read for the others. A form, which
is how a figure from another file is included, is as large as what can be seen of its contents.
"""

import ctypes
from typing import Any

import pypdfium2.raw as raw

from fumehood_tools.reading.document import Box

_MOST_SEGMENTS = 2_000
_DEEPEST_FORM = 5


class Clipper:
    """Measures the objects of one page, in PDF coordinates. most: objects of forms to look at."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._edges = [ctypes.c_float() for _ in range(4)]
        self._point = ctypes.c_float(), ctypes.c_float()

    def visible(self, handle: Any, depth: int = 0) -> Box | None:
        """Return the visible bounds (left, bottom, right, top) of an object, or None."""
        if not raw.FPDFPageObj_GetBounds(handle, *self._edges):
            return None
        left, bottom, right, top = (edge.value for edge in self._edges)
        bounds: Box | None = (left, bottom, right, top)
        if raw.FPDFPageObj_GetType(handle) == raw.FPDF_PAGEOBJ_FORM and depth < _DEEPEST_FORM:
            bounds = self._contents(handle, depth) if self._left > 0 else bounds
        return bounds and self._clipped(handle, bounds)

    def _contents(self, form: Any, depth: int) -> Box | None:
        """Return the visible bounds of what a form draws, or None."""
        around: Box | None = None
        for index in range(min(raw.FPDFFormObj_CountObjects(form), self._left)):
            self._left -= 1
            box = self.visible(raw.FPDFFormObj_GetObject(form, index), depth + 1)
            around = _union(around, box) if around and box else around or box
        matrix = raw.FS_MATRIX()
        if around is None or not raw.FPDFPageObj_GetMatrix(form, matrix):
            return around
        corners = [(x, y) for x in around[::2] for y in around[1::2]]
        xs = [matrix.a * x + matrix.c * y + matrix.e for x, y in corners]
        ys = [matrix.b * x + matrix.d * y + matrix.f for x, y in corners]
        return min(xs), min(ys), max(xs), max(ys)

    def _clipped(self, handle: Any, bounds: Box) -> Box | None:
        clip = raw.FPDFPageObj_GetClipPath(handle)
        box: Box | None = bounds
        # pdfium removes the clipping path of an object that lies within it, and returns -1.
        for path in range(raw.FPDFClipPath_CountPaths(clip) if clip else 0):
            count = raw.FPDFClipPath_CountPathSegments(clip, path)
            if box and 0 < count <= _MOST_SEGMENTS:
                box = within(box, self._path_box(clip, path, count) or box)
        return box

    def _path_box(self, clip: Any, path: int, count: int) -> Box | None:
        xs, ys = [], []
        x, y = self._point
        for index in range(count):
            segment = raw.FPDFClipPath_GetPathSegment(clip, path, index)
            if raw.FPDFPathSegment_GetPoint(segment, x, y):
                xs.append(x.value)
                ys.append(y.value)
        return (min(xs), min(ys), max(xs), max(ys)) if xs else None


def within(box: Box, limit: Box) -> Box | None:
    """Return the part of a box that lies within another one, or None."""
    left, low = max(box[0], limit[0]), max(box[1], limit[1])
    right, high = min(box[2], limit[2]), min(box[3], limit[3])
    return (left, low, right, high) if left <= right and low <= high else None


def _union(one: Box, other: Box) -> Box:
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )
