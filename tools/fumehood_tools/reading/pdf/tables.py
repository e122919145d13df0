"""Find the rows and columns of a table: rows by baseline, columns by the empty space between them.

Columns are grown from the narrowest cells first, so that a header that spans several columns does
not merge them. A line of wrapped text is joined to the row above if the cells above it are full.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from fumehood_tools.reading.pdf.cells import Cell, Row, cell_of, cells_of, without_stretched_gaps
from fumehood_tools.reading.pdf.regions import Rule
from fumehood_tools.reading.pdf.text import Spelling, joined
from fumehood_tools.reading.pdf.words import Word

_LEAST_GAP = 0.42


def rows_of(
    words: Sequence[Word], rules: Sequence[Rule] = (), spelling: Spelling | None = None
) -> list[list[str]]:
    """Return the rows of a table, header first. Every row has one cell per column.

    Empty if there are fewer than two columns.
    """
    rows = without_stretched_gaps(_visual_rows(words))
    columns = _columns(rows)
    if len(columns) < 2:
        return []
    placed = [_placed(row, columns) for row in rows]
    groups = _grouped(rows, placed, columns, rules)
    return [_merged([placed[index] for index in group], spelling) for group in groups]


def _visual_rows(words: Sequence[Word]) -> list[Row]:
    """Return the printed lines of a table from the top, with scripts in the line of their word."""
    groups: list[list[Word]] = []
    base = 0.0
    for word in sorted((it for it in words if not it.script), key=lambda it: it.base):
        if groups and word.base - base < 0.35 * word.size:
            groups[-1].append(word)
        else:
            groups.append([word])
            base = word.base
    for word in words:
        if word.script and groups:
            min(groups, key=lambda it: abs(it[0].base - word.base)).append(word)
    rows = []
    for group in groups:
        group.sort(key=lambda it: it.x0)
        size = median(word.size for word in group)
        rows.append(Row(group[0].base, size, cells_of(group, size)))
    return rows


def _columns(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Return the (left, right) spans of the columns, from the left.

    Only rows with more than half of the largest number of cells are used. A cell that touches two
    columns found before is taken for a spanning header and ignored.
    """
    columns: list[tuple[float, float]] = []
    most = max((len(row.cells) for row in rows), default=0)
    full = [row for row in rows if len(row.cells) > most / 2]
    cells = [cell for row in full for cell in row.cells]
    # Narrow cells first: they define the columns before any spanning cell is looked at.
    for cell in sorted(cells, key=lambda it: it.x1 - it.x0):
        touched = [span for span in columns if cell.x0 < span[1] + 1 and cell.x1 > span[0] - 1]
        if len(touched) > 1:
            continue
        if touched:
            columns.remove(touched[0])
        low = min([cell.x0, *(span[0] for span in touched)])
        high = max([cell.x1, *(span[1] for span in touched)])
        columns.append((low, high))
    return _without_halves(sorted(columns), full)


def _without_halves(
    columns: list[tuple[float, float]], rows: Sequence[Row]
) -> list[tuple[float, float]]:
    """Join neighboring spans that no row fills separately.

    They are one column in which some cells are aligned left and others right.
    """
    merged: list[tuple[float, float]] = []
    for span in columns:
        before = merged[-1] if merged else None
        if before and not any(
            _touches(row, before) != _touches(row, span)
            for row in rows
            if _touches(row, before) is not None and _touches(row, span) is not None
        ):
            bridged = any(
                cell.x0 < before[1] and cell.x1 > span[0] for row in rows for cell in row.cells
            )
            if bridged:
                merged[-1] = (before[0], span[1])
                continue
        merged.append(span)
    return merged


def _touches(row: Row, span: tuple[float, float]) -> int | None:
    """Return the index of the cell that lies over a column, or None."""
    return next(
        (at for at, cell in enumerate(row.cells) if cell.x0 < span[1] and cell.x1 > span[0]), None
    )


def _placed(row: Row, columns: Sequence[tuple[float, float]]) -> list[Cell | None]:
    """Return the cells of a row by column, with None for an empty column."""
    placed: list[Cell | None] = [None] * len(columns)
    for cell in (part for it in row.cells for part in _parted(it, row.size, columns)):
        middle = (cell.x0 + cell.x1) / 2
        over = [at for at, span in enumerate(columns) if cell.x0 < span[1] and cell.x1 > span[0]]
        nearest = min(range(len(columns)), key=lambda at: abs(sum(columns[at]) / 2 - middle))
        at = over[0] if over else nearest
        held = placed[at]
        if held:
            text = f"{held.text} {cell.text}"
            placed[at] = Cell(min(held.x0, cell.x0), max(held.x1, cell.x1), text)
        else:
            placed[at] = cell
    return placed


def _parted(cell: Cell, size: float, columns: Sequence[tuple[float, float]]) -> list[Cell]:
    """Split a cell between words that lie over different columns, if there is some space."""
    parts: list[list[Word]] = [[]]
    for word in cell.words:
        last = parts[-1][-1] if parts[-1] else None
        if last and word.x0 - last.x1 > _LEAST_GAP * size:
            middle = (last.x1 + word.x0) / 2
            if not any(low < middle < high for low, high in columns):
                parts.append([])
        parts[-1].append(word)
    if len(parts) == 1:
        parts = _aligned(cell, columns) or parts
    return [cell_of(part) for part in parts] if len(parts) > 1 else [cell]


def _aligned(cell: Cell, columns: Sequence[tuple[float, float]]) -> list[list[Word]] | None:
    """Return the words of a header by column, if each group is aligned with the cells below it."""
    over = [span for span in columns if cell.x0 < span[1] and cell.x1 > span[0]]
    if not 2 <= len(over) <= len(cell.words):
        return None
    groups: list[list[Word]] = [[] for _ in over]
    for word in cell.words:
        middle = (word.x0 + word.x1) / 2
        nearest = min(range(len(over)), key=lambda at: abs(sum(over[at]) / 2 - middle))
        groups[nearest].append(word)
    return groups if all(map(_is_aligned, groups, over)) else None


def _is_aligned(words: Sequence[Word], span: tuple[float, float]) -> bool:
    if not words:
        return False
    left, right = words[0].x0 - span[0], words[-1].x1 - span[1]
    return min(abs(left), abs(right), abs(left + right) / 2) < 1.5


def _grouped(
    rows: Sequence[Row],
    placed: Sequence[list[Cell | None]],
    columns: Sequence[tuple[float, float]],
    rules: Sequence[Rule],
) -> list[list[int]]:
    """Return groups of indexes of printed lines that form one row of the table."""
    steps = [after.base - before.base for before, after in pairwise(rows)]
    usual = median(steps) if steps else 0
    header = _header_end(rows, rules)
    groups = [[0]]
    for at in range(1, len(rows)):
        ruled = any(
            rows[at - 1].base < rule.y < rows[at].base - 0.3 * rows[at].size for rule in rules
        )
        close = rows[at].base - rows[at - 1].base <= 1.15 * usual
        if not ruled and close and _goes_on(placed, at, columns, in_header=at < header):
            groups[-1].append(at)
        else:
            groups.append([at])
    return groups


def _header_end(rows: Sequence[Row], rules: Sequence[Rule]) -> int:
    """Return how many printed lines are above the second long rule."""
    long = [rule for rule in rules if rules and rule.x1 - rule.x0 > 0.8 * _widest(rules)]
    inner = [rule.y for rule in long if rule.y > rows[0].base]
    return sum(row.base < inner[0] for row in rows) if inner else 0


def _widest(rules: Sequence[Rule]) -> float:
    return max(rule.x1 - rule.x0 for rule in rules)


def _goes_on(
    placed: Sequence[list[Cell | None]],
    at: int,
    columns: Sequence[tuple[float, float]],
    *,
    in_header: bool,
) -> bool:
    """Return whether a printed line continues the row above it."""
    here, above = placed[at], placed[at - 1]
    filled = [column for column, cell in enumerate(here) if cell]
    if not filled or len(filled) == len(columns):
        return in_header and len(columns) > 1 and _all_within(above, columns)
    if any(above[column] is None for column in filled):
        return in_header and _all_within(above, columns) and _all_within(here, columns)
    if in_header:
        return _all_within(above, columns) and _all_within(here, columns)
    if not all(re.search(r"[^\W\d_]{2}", cell.text) for cell in here if cell):
        return False
    if here[0] is not None and len(filled) > 1:
        return False
    return all(_is_full(above[column], columns[column], here[column]) for column in filled)


def _all_within(cells: Sequence[Cell | None], columns: Sequence[tuple[float, float]]) -> bool:
    """Return whether no cell spans several columns."""
    return all(
        sum(cell.x0 < span[1] and cell.x1 > span[0] for span in columns) <= 1
        for cell in cells
        if cell
    )


def _is_full(above: Cell | None, span: tuple[float, float], here: Cell | None) -> bool:
    """Return whether the first word of a cell would not have fit after the text above it."""
    if above is None or here is None:
        return False
    words = here.text.split()
    share = len(words[0]) / max(1, len(here.text))
    return above.x1 + share * (here.x1 - here.x0) + 1 > span[1] - 1


def _merged(parts: Sequence[list[Cell | None]], spelling: Spelling | None) -> list[str]:
    columns = zip(*parts, strict=True)
    return [joined([cell.text for cell in column if cell], spelling) for column in columns]
