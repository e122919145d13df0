"""Split the printed lines of a table into cells, at gaps that are wider than a space.

In a justified column of text, spaces are stretched and can be as wide as the gap between columns.
Two things tell them apart. The lines of a text have the same left and right edge, and in each of
them all spaces are equally wide, while their words are not aligned. And a gap between columns is
empty in the other lines of the table too, while other lines of a text run across it.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from fumehood_tools.reading.pdf.words import Word, join_words

_GAP = 0.62
_MOST_STRETCHED = 3.0
_SAME = 1.0
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
    texts = _text_columns(rows)
    rows = [_with_text(row, texts) for row in rows]
    return [_joined(row, [it for it in rows if it is not row]) for row in rows]


def _text_columns(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Return the left and right edges that justified lines of at least two rows share."""
    spans = [(row.base, span) for row in rows for span in _even_spans(row)]
    found: list[tuple[float, float]] = []
    for _, span in spans:
        edges = span[0].x0, span[-1].x1
        alike = {base: it for base, it in spans if _has_edges(it, *edges)}
        if len(alike) > 1 and edges not in found and not _are_aligned(list(alike.values())):
            found.append(edges)
    return found


def _even_spans(row: Row) -> Iterator[Sequence[Word]]:
    """Yield each run of three or more words in adjacent cells that are evenly spaced.

    Such a run is probably a line of text, and not a row of a table.
    """
    if sum(bool(_WORDY.search(cell.text)) for cell in row.cells) < 0.5 * len(row.cells):
        return
    for first in range(len(row.cells)):
        words: list[Word] = []
        for cell in row.cells[first:]:
            words += cell.words
            if not _is_even(words):
                break
            if len(words) > 2:
                yield list(words)


def _is_even(words: Sequence[Word]) -> bool:
    """Return whether the spaces between words are equally wide. TeX widens those after marks."""
    plain: list[float] = []
    wide: list[float] = []
    for before, after in pairwise(words):
        if not after.glued:
            (wide if before.text[-1] in ".,;:!?" else plain).append(after.x0 - before.x1)
    if not plain:
        return len(wide) < 2
    low, high = min(plain), max(plain)
    return high - low < max(0.8, 0.15 * high) and all(low - 0.8 < gap < 3.2 * high for gap in wide)


def _has_edges(words: Sequence[Word], left: float, right: float) -> bool:
    return abs(words[0].x0 - left) < _SAME and abs(words[-1].x1 - right) < _SAME


def _are_aligned(spans: Sequence[Sequence[Word]]) -> bool:
    """Return whether words inside of most lines begin at the same place, as columns do."""
    starts = [[word.x0 for word in span[1:]] for span in spans]
    return any(
        sum(any(abs(x - other) < _SAME for other in line) for line in starts) > 0.6 * len(starts)
        for x in starts[0]
    )


def _with_text(row: Row, texts: Sequence[tuple[float, float]]) -> Row:
    """Join the cells of a row that are one justified line."""
    for left, right in texts:
        inside = [it for it in row.cells if it.x0 > left - _SAME and it.x1 < right + _SAME]
        words = [word for cell in inside for word in cell.words]
        if len(inside) > 1 and _has_edges(words, left, right) and _is_even(words):
            at = row.cells.index(inside[0])
            cells = [*row.cells[:at], cell_of(words), *row.cells[at + len(inside) :]]
            row = row._replace(cells=cells)
    return row


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
    at = row.cells.index(before)
    around = row.cells[max(0, at - 1) : at + 3]
    runs = [[*before.words, *cell.words], [word for it in around for word in it.words]]
    return any(len(words) > 2 and _is_even(words) for words in runs)
