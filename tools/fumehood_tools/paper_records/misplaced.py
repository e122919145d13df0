"""Detect a number from a table that an item assigns to the wrong row or column.

It objects only in clear cases: the item's name equals a column's heading word for word, or its
model equals the label of another row. Ambiguous cases pass.
"""

from collections.abc import Sequence

from fumehood_tools.paper_records.naming import comparable_name
from fumehood_tools.paper_records.normal_form import bare, clean
from fumehood_tools.paper_records.numbers import meanings, numbers_in
from fumehood_tools.paper_records.record import Item
from fumehood_tools.paper_records.tables import headings_of, without_unit
from fumehood_tools.reading.document import Block
from fumehood_tools.reading.outline import row_text


def misplaced(block: Block, quoted: str, item: Item) -> str:
    """Return why an item that quotes this table is wrong, or ''."""
    headings, rows = headings_of(block)
    covered = [row for row in rows if _is_quoted(row, quoted)]
    if not covered:
        return ""
    if (
        item.model
        and (others := _labelled(rows, item.model))
        and not any(row in covered for row in others)
    ):
        return (
            f"The quoted row is “{covered[0][0]}”; “{others[0][0]}” is another row of the table. "
            "Quote that row, or correct the model."
        )
    if len(covered) == 1 and item.name and item.value:
        return _wrong_column(headings, covered[0], item.name, item.value)
    return ""


def _wrong_column(headings: Sequence[str], row: Sequence[str], name: str, value: str) -> str:
    wanted = comparable_name(name)
    named = [
        (heading, cell)
        for heading, cell in zip(headings[1:], row[1:], strict=False)
        if comparable_name(without_unit(heading)) == wanted
    ]
    claimed = {number.value for number in numbers_in(clean(value))}
    if len(named) != 1 or not claimed:
        return ""
    heading, cell = named[0]
    there = meanings(numbers_in(clean(cell)))
    if not there or claimed & there or {value / 100 for value in claimed} & there:
        return ""
    return f"In the column “{heading}” the quoted row has {cell}, not {value}."


def _labelled(rows: Sequence[Sequence[str]], model: str) -> list[Sequence[str]]:
    wanted = bare(clean(model))
    return [row for row in rows if row and row[0] and bare(clean(row[0])) == wanted]


def _is_quoted(row: Sequence[str], quoted: str) -> bool:
    own = bare(clean(row_text(row)))
    parts = [bare(clean(part)) for part in quoted.split(" … ")]
    return any(part and (part in own or own in part) for part in parts)
