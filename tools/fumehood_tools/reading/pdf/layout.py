"""Find the layout of pages without models, as labeled boxes in reading order.

For readers that have their own text and need to know where the blocks are, such as marker. This
module imports pypdfium2, so call it in a child process. One call reads the whole file, because
headings can only be recognized by comparing all pages.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

from fumehood_tools.reading.document import Box, HiddenText
from fumehood_tools.reading.pdf.blocks import box_of
from fumehood_tools.reading.pdf.flow import Piece
from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.opening import Parts, pages_of, take_apart
from fumehood_tools.reading.pdf.references import entries_of

Label = Literal[
    "SectionHeader",
    "Text",
    "Table",
    "Caption",
    "PageHeader",
    "PageFooter",
    "ListItem",
    "Footnote",
    "Formula",
    "Code",
    "Bibliography",
]
_LABELS: dict[str, Label] = {
    "heading": "SectionHeader",
    "paragraph": "Text",
    "list_item": "ListItem",
    "equation": "Formula",
    "code": "Code",
    "footnote": "Footnote",
}
_BODY_LABELS: dict[str, Label] = {"table": "Table", "code": "Code", "figure": "Text"}


class LabelledBox(NamedTuple):
    """A labeled box, in points from the top left of the page.

    level: of a heading, 1 = section, 0 = the title. Each entry of the bibliography is a separate
    box.
    """

    label: Label
    box: Box
    level: int | None = None
    abstract: bool = False


class PageLayout(NamedTuple):
    """One page, counted from 1, with its boxes in reading order and its hidden text."""

    number: int
    width: float
    height: float
    boxes: list[LabelledBox]
    hidden: list[HiddenText]


def layout_of(
    path: Path, page_numbers: Sequence[int] | None = None, *, password: str | None = None
) -> list[PageLayout]:
    """Return the layout of the given pages (counted from 1), or of all pages for None.

    Raises Unreadable.
    """
    pages, bookmarks = pages_of(path, password)
    parts = take_apart(pages, bookmarks)
    boxes: dict[int, list[LabelledBox]] = {page.number: [] for page in pages}
    for number, labelled in _boxes(parts):
        boxes[number].append(labelled)
    wanted = None if page_numbers is None else set(page_numbers)
    return [
        PageLayout(page.number, page.width, page.height, boxes[page.number], page.hidden)
        for page in pages
        if wanted is None or page.number in wanted
    ]


def _boxes(parts: Parts) -> Iterator[tuple[int, LabelledBox]]:
    middles = {page.number: page.height / 2 for page in parts.pages}
    furniture = [line for lines in parts.furniture for line in lines]
    for line in furniture:
        if line.base < middles[line.page]:
            yield line.page, LabelledBox("PageHeader", box_of([line]))
    yield from _of_lines("SectionHeader", parts.front.title_lines, 0)
    yield from _of_lines("Text", parts.front.matter)
    for page, it in _of_lines("Text", parts.front.abstract):
        yield page, it._replace(abstract=True)
    for piece in parts.pieces:
        yield from _of_piece(piece)
    for line in furniture:
        if line.base >= middles[line.page]:
            yield line.page, LabelledBox("PageFooter", box_of([line]))


def _of_piece(piece: Piece) -> Iterator[tuple[int, LabelledBox]]:
    if piece.float:
        yield from _of_lines("Caption", piece.float.caption)
        yield from _of_lines(_BODY_LABELS[piece.float.kind], piece.float.body)
    elif piece.head and not piece.head.run_in:
        yield from _of_lines("SectionHeader", piece.lines, piece.head.level)
    elif piece.head:
        # The last line of a run-in heading belongs to the text after it.
        yield from _of_lines("Text", piece.lines[:-1])
    elif piece.kind == "reference":
        for _, lines in entries_of(piece.lines):
            yield from _of_lines("Bibliography", lines)
    else:
        yield from _of_lines(_LABELS[piece.kind], piece.lines)


def _of_lines(
    label: Label, lines: Iterable[TextLine], level: int | None = None
) -> Iterator[tuple[int, LabelledBox]]:
    """Yield one box for each run of lines in the same column of the same page."""
    for (page, _), some in groupby(lines, lambda line: (line.page, line.column)):
        yield page, LabelledBox(label, box_of(list(some)), level)
