"""Read the numbers of a table, each with its row's label, its column's heading and a quotation.

A table of hyperparameters yields parameters, any other table yields metrics. Rows before the first
number are headings. Only cells that consist of a number (with %, ±, k, M, marks of significance)
count.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import NamedTuple

from fumehood_tools.paper_records import rules
from fumehood_tools.paper_records.record import LONGEST_QUOTE, SHORTEST_QUOTE, FieldName
from fumehood_tools.reading.document import Block
from fumehood_tools.reading.outline import row_text

MOST_CELLS = 200
_MOST_HEADINGS = 3
_CELL = re.compile(
    rf"[-−+~≈<>≤≥]?\s?(?:{rules.NUMBER})(?:\s?(?:±|\+/-|\()\s?(?:{rules.NUMBER})\s?\)?)?\s?[*†‡↑↓x×]*"
)
_UNIT = re.compile(r"[(\[]\s*(%|percent|GB|hours?|h|s|ms|k|M|nats|bits)\s*[)\]]|(%)")


class TableReading(NamedTuple):
    """One number of a table, as a candidate for a record."""

    field: FieldName
    name: str
    value: str
    unit: str | None
    model: str | None
    quote: str
    strength: float
    rule: str


def table_readings(block: Block) -> Iterator[TableReading]:
    """Yield the numbers of a table, at most 200."""
    headings, rows = headings_of(block)
    settings = bool(
        rules.SETTINGS_TABLE.search(f"{block.text} {' '.join(headings)}") and len(headings) == 2
    )
    above = _tidy(block.rows[len(block.rows) - len(rows) - 1]) if rows else []
    readings = (
        _setting(label, value, quote) if settings else _metric(heading, label, value, quote)
        for label, row in _labelled(headings, rows)
        if label and (quote := _quote(above, row))
        for heading, value in zip(headings[1:], row[1:], strict=False)
        if _is_number(value) and (settings or heading)
    )
    yield from islice(readings, MOST_CELLS)


def headings_of(block: Block) -> tuple[list[str], list[list[str]]]:
    """Return a table's headings and the rows below them; ([], []) if it has no headings."""
    rows = [_tidy(row) for row in block.rows]
    first = next((at for at, row in enumerate(rows) if any(map(_is_number, row[1:]))), len(rows))
    # A first row that contains only numbers (widths, layers) is still the heading row.
    first = max(first, 1)
    if not rows or first > _MOST_HEADINGS:
        return [], []
    return _headings(rows[:first], max(map(len, rows))), rows[first:]


def without_unit(heading: str) -> str:
    """Return a heading without its unit in brackets."""
    return _UNIT.sub("", heading).strip() or heading


def _setting(label: str, value: str, quote: str) -> TableReading:
    return TableReading(
        "technical_parameters", label, value, None, None, quote, 0.7, "table of settings"
    )


def _metric(heading: str, label: str, value: str, quote: str) -> TableReading:
    strength = 0.7 if rules.METRIC_HEADER.search(heading) else 0.4
    unit = _UNIT.search(heading) or _UNIT.search(value)
    return TableReading(
        "metrics",
        without_unit(heading),
        value,
        unit[1] or unit[2] if unit else None,
        label,
        quote,
        strength,
        "table",
    )


def _headings(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the heading of each column. Heading rows with merged cells are ignored."""
    full = [row for row in rows if len(row) == width]
    columns = [dict.fromkeys(row[at] for row in full if row[at]) for at in range(width)]
    names = [" ".join(column) for column in columns]
    corner = names[0] if names else ""
    return [
        name if _has_letter(name) else f"{corner} {name}".strip() if _has_letter(corner) else ""
        for name in names
    ]


def _labelled(
    headings: Sequence[str], rows: Sequence[list[str]]
) -> Iterator[tuple[str, list[str]]]:
    """Yield every row with its label: the cells before its first number, joined.

    Empty cells at the start of a row take the value of the row above.
    """
    last: list[str] = []
    for row in rows:
        cells = list(takewhile(lambda cell: not _is_number(cell), row))
        if not cells and row:
            yield f"{headings[0]} {row[0]}".strip(), row
            continue
        blanks = len(list(takewhile(lambda cell: not cell, cells)))
        last = [*last[:blanks], *cells[blanks:]]
        yield " ".join(filter(None, last)), row


def _quote(heading: Sequence[str], row: Sequence[str]) -> str:
    """Return "heading … row" if it fits a quotation, else the row if that fits, else ""."""
    own = row_text(row)
    both = f"{row_text(heading)} … {own}"
    for quote in (both, own):
        if SHORTEST_QUOTE <= len(quote) <= LONGEST_QUOTE:
            return quote
    return ""


def _tidy(row: Sequence[str]) -> list[str]:
    return [" ".join(cell.split()) for cell in row]


def _has_letter(text: str) -> bool:
    return any(map(str.isalpha, text))


def _is_number(cell: str) -> bool:
    return any(letter.isdigit() for letter in cell) and bool(_CELL.fullmatch(cell))
