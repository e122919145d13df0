"""Remove page furniture: running heads, running feet, page numbers and stamps.

A row near the top or bottom edge, separated from the text, is furniture in these cases: it is a
page number; the same text is at the same edge of another page; it begins or ends with a number
that counts pages; or, at the top edge, all its words are in the front of the paper. Rows are
removed from the edge inward, up to the first row that matches none of these cases.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.pages import Page

_ZONE = 0.13
_MOST_ROWS = 3
_PAGE_NUMBER = re.compile(
    r"[-\u2013\u2014|\s]*(?:page\s+)?(?:\d{1,4}|[ivxl]{1,6})(?:\s*(?:of|/)\s*\d{1,4})?"
    r"[-\u2013\u2014|\s]*",
    re.I,
)
_STAMP = re.compile(r"arXiv:\d{4}\.\d{4,5}(v\d+)?\b.*\[|Preprint submitted to ")
_EDGE_NUMBER = re.compile(r"^(\d{1,4})(?=\s|$)|(?<=\s)(\d{1,4})$")


def take_furniture(pages: Sequence[tuple[Page, list[TextLine]]]) -> list[list[TextLine]]:
    """Remove the furniture from the lines of every page, and return it page by page."""
    rows = [list(_edge_rows(page, lines)) for page, lines in pages]
    seen = Counter(key for found in rows for key in {_key(row) for row in found})
    offsets = Counter(
        offset
        for (page, _), found in zip(pages, rows, strict=True)
        for offset in {it for row in found for it in _offsets(row, page.number)}
    )
    front = _words(" ".join(line.text for line in pages[0][1][:15])) if pages else set()
    taken: list[list[TextLine]] = []
    for (page, lines), found in zip(pages, rows, strict=True):
        drop: list[TextLine] = [line for line in lines if _STAMP.match(line.text)]
        open_edges = {"top", "bottom"}
        for row in found:
            if row.edge not in open_edges:
                continue
            numbered = any(offsets[it] > 1 for it in _offsets(row, page.number))
            titled = page.number > 1 and not row.bold and _words(row.text) <= front
            if row.apart and (
                _PAGE_NUMBER.fullmatch(row.text)
                or seen[_key(row)] > 1
                or numbered
                or (titled and row.edge == "top")
            ):
                drop += row.lines
            else:
                open_edges.discard(row.edge)
        gone = set(map(id, drop))
        lines[:] = [line for line in lines if id(line) not in gone]
        taken.append(drop)
    return taken


class _Row:
    """The lines at one height near an edge of a page."""

    def __init__(self, lines: list[TextLine], edge: str, apart: bool) -> None:
        self.lines, self.edge, self.apart = lines, edge, apart
        self.bold = any(line.share("bold") > 0.5 for line in lines)
        self.text = " ".join(line.text for line in sorted(lines, key=lambda it: it.x0))


def _edge_rows(page: Page, lines: list[TextLine]) -> Iterator[_Row]:
    """Yield the rows at the top edge downward, then the rows at the bottom edge upward."""
    heights: dict[int, list[TextLine]] = defaultdict(list)
    for line in sorted(lines, key=lambda it: it.base):
        near = next((h for h in heights if abs(h - line.base) < 0.4 * line.size), None)
        heights[round(line.base) if near is None else near].append(line)
    order = sorted(heights)
    for edge, bases in (("top", order), ("bottom", order[::-1])):
        for at, base in enumerate(bases[:_MOST_ROWS]):
            depth = base / page.height if edge == "top" else 1 - base / page.height
            if depth > _ZONE:
                break
            size = heights[base][0].size
            after = bases[at + 1] if at + 1 < len(bases) else None
            apart = after is None or abs(after - base) > 1.5 * size
            yield _Row(heights[base], edge, apart)


def _key(row: _Row) -> str:
    """Return the row's edge and its text with digits masked, to compare rows of different pages."""
    return f"{row.edge} {re.sub(r'[0-9]+', '#', row.text)}"


def _offsets(row: _Row, number: int) -> set[tuple[str, int]]:
    """Return the differences between numbers at the ends of a row and the page number, by edge.

    A printed page number has the same offset on every page.
    """
    found = (match[1] or match[2] for match in _EDGE_NUMBER.finditer(row.text))
    return {(row.edge, int(digits) - number) for digits in found}


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]{4,}", text.casefold()))
