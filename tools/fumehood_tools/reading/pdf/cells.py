"""Split the printed lines of a table into cells, at gaps that are wider than a space.

In a justified column of text, spaces are stretched and can be as wide as the gap between columns. A
gap between columns is empty in the other lines too, while the other lines of a text run across it.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from fumehood_tools.reading.pdf.words import Word, join_words

_GAP = 0.62
_MOST_STRETCHED = 3.0
_WORDY = re.compile(r"[^\W\d_]{2}")


class Cell(NamedTuple):
    """Adjacent words in one row."""

    x0: float
    x1: float
    text: str
    words: tuple[Word, ...] = ()


class Row(NamedTuple):
    """The cells on one baseline."""

    base: float
    size: float
    cells: list[Cell]


def cells_of(words: list[Word], size: float) -> list[Cell]:
    """Return the words of a line in groups, split at gaps wider than a space. size in points."""
    parts = [[words[0]]]
    end = words[0].x1
    for word in words[1:]:
        if word.x0 - end > _GAP * size:
            parts.append([])
        parts[-1].append(word)
        end = max(end, word.x1)
    return [cell_of(part) for part in parts]


def cell_of(words: Sequence[Word]) -> Cell:
    """Return words as a cell."""
    return Cell(words[0].x0, max(it.x1 for it in words), join_words(words), tuple(words))


def without_stretched_gaps(rows: Sequence[Row]) -> list[Row]:
    """Return rows in which cells are joined if only a stretched space is between them."""
    if len(rows) < 3:
        return list(rows)
    return [_joined(row, [it for it in rows if it is not row]) for row in rows]


def _joined(row: Row, others: Sequence[Row]) -> Row:
    parts = [[row.cells[0]]]
    for before, cell in pairwise(row.cells):
        if _is_stretched(before, cell, row, others):
            parts[-1].append(cell)
        else:
            parts.append([cell])
    if len(parts) == len(row.cells):
        return row
    cells = [cell_of([word for cell in part for word in cell.words]) for part in parts]
    return row._replace(cells=cells)


def _is_stretched(before: Cell, cell: Cell, row: Row, others: Sequence[Row]) -> bool:
    """Return whether the gap between two cells is a stretched space of one text."""
    low, high = before.x1, cell.x0
    if high - low > _MOST_STRETCHED * row.size:
        return False
    if not (_WORDY.search(before.text) or _WORDY.search(cell.text)):
        return False
    across = sum(
        any(it.x0 < low + 1 and it.x1 > high - 1 for it in other.cells) for other in others
    )
    empty = sum(_has_gap(other, low, high) for other in others)
    if across:
        return across > empty
    # No line is above or below the gap. In a justified line, all spaces are equally wide.
    return not empty and _is_evenly_spaced(before, cell, row)


def _has_gap(row: Row, low: float, high: float) -> bool:
    """Return whether a row has a gap in the same place, with cells on both sides."""
    return any(
        min(high, after.x0) - max(low, before.x1) > 0.3 * row.size
        for before, after in pairwise(row.cells)
    )


def _is_evenly_spaced(before: Cell, cell: Cell, row: Row) -> bool:
    """Return whether the gap is as wide as the other spaces around it, and there are some."""
    words = [*before.words, *cell.words]
    gaps = [after.x0 - word.x1 for word, after in pairwise(words) if not after.glued]
    gaps += [
        after.x0 - word.x1
        for one, other in pairwise(row.cells)
        if one is cell or other is before
        for word, after in [(one.words[-1], other.words[0])]
    ]
    return len(gaps) > 1 and max(gaps) - min(gaps) < 0.15 * max(gaps)
