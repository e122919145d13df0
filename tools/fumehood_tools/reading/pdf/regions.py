"""Find the boxes of drawings and tables on a page from its pictures, strokes and rules."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fumehood_tools.reading.document import Box
from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.pages import Page

_LEAST_MARKS = 2
_NEAR = 12.0
_FAR, _NEXT = 90.0, 45.0
_SAME_EDGE = 4.0


class Rule(NamedTuple):
    """A horizontal rule from x0 to x1 at height y, in points."""

    x0: float
    y: float
    x1: float


def drawings_of(page: Page, lines: Sequence[TextLine]) -> list[Box]:
    """Return the boxes of drawings, plots and photographs. Each panel of a figure is one box."""
    texts = [(line.x0, line.top, line.x1, line.bottom) for line in lines]
    marks = [box for box, ground in page.marks if not (ground and _is_ground(box, texts))]
    pictures = [box for box in page.pictures if box[2] - box[0] < 0.98 * page.width]
    kept = []
    for cluster in _cut([(box, True) for box in pictures] + [(box, False) for box in marks]):
        box = _around(box for box, _ in cluster)
        large = box[2] - box[0] > 25 and box[3] - box[1] > 15
        if large and (any(picture for _, picture in cluster) or len(cluster) >= _LEAST_MARKS):
            kept.append(box)
    return kept


def drawing_at(caption: Box, drawings: Sequence[Box]) -> Box | None:
    """Return the box around the drawings that belong to a caption, or None.

    Drawings above and below the caption are tried; the closer group wins. Each group grows from
    the caption outward as long as the next drawing is close enough.
    """
    chains = [_chain(caption, drawings, below=below) for below in (False, True)]
    best = min(
        (chain for chain in chains if chain),
        key=lambda chain: min(_apart(caption, box) for box in chain),
        default=None,
    )
    if not best:
        return None
    left, top, right, bottom = _around(best)
    # Extend the box to the caption, because panel labels may be printed in between.
    if top > caption[1]:
        return left, min(top, caption[3]), right, bottom
    return left, top, right, max(bottom, caption[1])


def _chain(caption: Box, drawings: Sequence[Box], *, below: bool) -> list[Box]:
    """Return the drawings on one side of a caption, collected outward from the caption."""
    side = [box for box in drawings if (box[1] > caption[1]) == below]
    found: list[Box] = []
    reach, room = caption, _FAR
    for box in sorted(side, key=lambda it: _apart(caption, it)):
        level = (
            found and box[1] < max(it[3] for it in found) and box[3] > min(it[1] for it in found)
        )
        beside = box[0] < reach[2] + 20 and box[2] > reach[0] - 20
        if _apart(reach, box) < room and (beside or level):
            found.append(box)
            reach, room = _around([reach, box]), _NEXT
    return found


def _apart(one: Box, other: Box) -> float:
    return max(one[1] - other[3], other[1] - one[3], 0.0)


def _is_ground(box: Box, texts: list[Box]) -> bool:
    """Return whether a shape is a background of text, such as a colored cell or a text frame."""
    width, height = box[2] - box[0], box[3] - box[1]
    if width < 12:
        return False
    inside = sum(
        box[0] - 2 <= left and right <= box[2] + 2 and box[1] - 3 <= top and bottom <= box[3] + 3
        for left, top, right, bottom in texts
        if box[1] - 20 < top < box[3] + 20
    )
    return inside > 0 and (width > 100 or height < 20)


_Marked = tuple[Box, bool]


def _cut(boxes: list[_Marked], gap: float = 10.0) -> list[list[_Marked]]:
    """Split boxes into clusters at empty horizontal and vertical stripes wider than `gap` points.

    This is the recursive X-Y cut (Nagy & Seth 1984), on bounding boxes: a cluster that cannot be
    split along either axis is done.
    """
    done: list[list[_Marked]] = []
    open_clusters = [(boxes, 1, 0)] if boxes else []
    while open_clusters:
        cluster, axis, whole = open_clusters.pop()
        parts = _stripes(cluster, axis, gap)
        if len(parts) == 1:
            if whole:
                done.append(cluster)
            else:
                open_clusters.append((cluster, 1 - axis, 1))
        else:
            open_clusters += [(part, 1 - axis, 0) for part in parts]
    return done


def _stripes(boxes: list[_Marked], axis: int, gap: float) -> list[list[_Marked]]:
    """Split boxes at gaps along an axis (0 = x, 1 = y) wider than `gap`."""
    ordered = sorted(boxes, key=lambda it: it[0][axis])
    parts, end = [[ordered[0]]], ordered[0][0][axis + 2]
    for it in ordered[1:]:
        if it[0][axis] > end + gap:
            parts.append([])
        parts[-1].append(it)
        end = max(end, it[0][axis + 2])
    return parts


def _around(boxes: Iterable[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def labels_in(box: Box, lines: Sequence[TextLine], body: float) -> list[TextLine]:
    """Return the lines that belong to a drawing: inside its box, or short and near its edge.

    Running text is never a label, even if a stroke of the drawing runs across it.
    """
    found = []
    prose = _running_text(lines, body)
    for line in lines:
        if id(line) in prose:
            continue
        x, y = (line.x0 + line.x1) / 2, line.base - 0.3 * line.size
        if box[0] <= x <= box[2] and box[1] <= y <= box[3]:
            found.append(line)
            continue
        near = box[0] - _NEAR <= x <= box[2] + _NEAR and box[1] - _NEAR <= y <= box[3] + _NEAR
        label = len(line.words) <= 8 and line.size <= 1.02 * body and line.share("bold") < 0.5
        if near and label and not _in_prose(line, lines):
            found.append(line)
    return found


def _running_text(lines: Sequence[TextLine], body: float) -> set[int]:
    """Return the ids of the lines in paragraphs that fill the width of their column."""
    found: set[int] = set()
    run: list[TextLine] = []
    for line in [*lines, None]:
        before = run[-1] if run else None
        if line and before and not _is_next(before, line):
            before = None
        if line is None or before is None:
            if sum(_fills_column(it, body) for it in run) >= max(3, 0.5 * len(run)):
                found.update(map(id, run))
            run = []
        if line:
            run.append(line)
    return found


def _is_next(before: TextLine, line: TextLine) -> bool:
    same = before.column == line.column and abs(before.size - line.size) < 0.3
    return same and 0 < line.base - before.base < 1.7 * line.size


def _fills_column(line: TextLine, body: float) -> bool:
    wide = abs(line.indent) < 2 and abs(line.short) < 0.3 and len(line.cells()) == 1
    return wide and len(line.words) >= 4 and abs(line.size - body) < 0.3


def _in_prose(line: TextLine, lines: Sequence[TextLine]) -> bool:
    """Return whether a full line of text is directly above or below."""
    return any(
        other is not line
        and len(other.words) >= 6
        and abs(other.base - line.base) < 1.5 * line.size
        and abs(other.size - line.size) < 0.5
        and other.x0 - 25 < line.x0 < other.x1
        for other in lines
    )


def rules_of(page: Page) -> list[Rule]:
    """Return the rules of a page from the top, with the pieces of one rule joined."""
    merged: list[Rule] = []
    for x0, y, x1 in sorted(page.rules, key=lambda rule: (round(rule[1]), rule[0])):
        last = merged[-1] if merged else None
        if last and abs(last.y - y) < 1 and x0 < last.x1 + 1.5 and x1 > last.x0 - 1.5:
            merged[-1] = Rule(min(last.x0, x0), last.y, max(last.x1, x1))
        else:
            merged.append(Rule(x0, y, x1))
    return sorted(merged, key=lambda rule: rule.y)


def is_same_width(one: Rule, other: Rule) -> bool:
    """Return whether two rules have the same left and right edge."""
    return abs(one.x0 - other.x0) < _SAME_EDGE and abs(one.x1 - other.x1) < _SAME_EDGE


def frames_of(rules: Sequence[Rule]) -> list[list[Rule]]:
    """Return groups of two or more rules with the same left and right edge: frames of tables."""
    groups: list[list[Rule]] = []
    for rule in rules:
        if rule.x1 - rule.x0 < 40:
            continue
        for group in groups:
            if is_same_width(group[0], rule):
                group.append(rule)
                break
        else:
            groups.append([rule])
    return [group for group in groups if len(group) > 1]
