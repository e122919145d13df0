"""Remove page furniture: running heads, running feet, page numbers and stamps.

A row near the top or bottom edge, separated from the text, is furniture in these cases: it is a
page number; the same text is at the same edge of another page; it begins or ends with a number
that counts pages; or, at the top edge, all its words are in the front of the paper. Rows are
removed from the edge inward, up to the first row that matches none of these cases. Margins can be
wide, so a row may also be further from the edge, if it repeats or counts at the same height of
other pages. The heads of the columns of a table, which a long table repeats on every page, are no
furniture.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.numbering import number_at_start
from fumehood_tools.reading.pdf.pages import Page
from fumehood_tools.reading.pdf.regions import is_same_width, rules_of

_ZONE = 0.13
_FAR_ZONE = 0.3
_SAME_DEPTH = 0.005
_LEAST_FAR = 2
_MOST_ROWS = 3
_PAGE_NUMBER = re.compile(
    r"[-\u2013\u2014|\s]*(?:page\s+)?(?:\d{1,4}|[ivxl]{1,6})(?:\s*(?:of|/)\s*\d{1,4})?"
    r"[-\u2013\u2014|\s]*",
    re.I,
)
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50}
_STAMP = re.compile(r"arXiv:\d{4}\.\d{4,5}(v\d+)?\b.*\[|Preprint submitted to ")
_EDGE_NUMBER = re.compile(r"^(\d{1,4})(?=\s|$)|(?<=\s)(\d{1,4})$")


def take_furniture(pages: Sequence[tuple[Page, list[TextLine]]]) -> list[list[TextLine]]:
    """Remove the furniture from the lines of every page, and return it page by page."""
    rows = [list(_edge_rows(page, lines)) for page, lines in pages]
    front = " ".join(line.text for line in pages[0][1][:15]).casefold() if pages else ""
    repeats = _Repeats(rows, front)
    taken: list[list[TextLine]] = []
    for (_, lines), found in zip(pages, rows, strict=True):
        drop: list[TextLine] = [line for line in lines if _STAMP.match(line.text)]
        open_edges = {"top", "bottom"}
        for row in found:
            if row.edge not in open_edges:
                continue
            near = row.depth <= _ZONE and (row.is_number or row.is_title(front))
            if row.apart and not row.heads_columns and (near or repeats.has(row)):
                drop += row.lines
            else:
                open_edges.discard(row.edge)
        gone = set(map(id, drop))
        lines[:] = [line for line in lines if id(line) not in gone]
        taken.append(drop)
    return taken


class _Row:
    """The lines at one height near an edge of a page. depth: distance from the edge as a share of
    the height of the page. heads_columns: the row is the head of a table.
    """

    def __init__(
        self, page: Page, lines: list[TextLine], edge: str, depth: float, after: list[TextLine]
    ) -> None:
        self.page, self.lines, self.edge, self.depth = page.number, lines, edge, depth
        self.apart = not after or abs(after[0].base - lines[0].base) > 1.5 * lines[0].size
        self.heads_columns = edge == "top" and _heads_columns(page, lines, after)
        self.size = max(line.size for line in lines)
        self._words = page.words
        self.bold = any(line.share("bold") > 0.5 for line in lines)
        self.text = " ".join(line.text for line in sorted(lines, key=lambda it: it.x0))

    @property
    def key(self) -> str:
        """The row's edge and its text with digits masked, to compare rows of different pages."""
        return f"{self.edge} {re.sub(r'[0-9]+', '#', self.text)}"

    @property
    def offsets(self) -> set[tuple[str, int]]:
        """The differences between numbers at the ends of the row and the page number, by edge.

        A printed page number has the same offset on every page.
        """
        if self._is_large_heading:
            return set()
        if self.is_number:
            digits = re.search(r"\d+", self.text)
            found = [int(digits[0]) if digits else _roman(self.text)]
        else:
            found = [int(match[1] or match[2]) for match in _EDGE_NUMBER.finditer(self.text)]
        return {(self.edge, number - self.page) for number in found}

    @property
    def is_number(self) -> bool:
        """Whether the row is a page number and nothing else."""
        return bool(_PAGE_NUMBER.fullmatch(self.text))

    def is_title(self, front: str) -> bool:
        """Return whether the row is a running head that repeats words from the front.

        A bold row could be a heading: it must be small, and its words next to each other there.
        """
        if self.page == 1 or self.edge != "top" or self._is_heading:
            return False
        if self.bold:
            repeated = len(self.text.split()) > 1 and self.text.casefold() in front
            return repeated and self.size < 0.95 * self._text_size
        words = _words(self.text)
        return bool(words or self.text.casefold() in front) and words <= _words(front)

    @property
    def _is_large_heading(self) -> bool:
        """Whether the row is a number and bold words larger than the text, as a section's title."""
        words = self.lines[0].words
        numbered = len(words) > 1 and number_at_start(self.text) is not None
        return numbered and self.bold and self.size > 1.1 * self._text_size

    @property
    def _text_size(self) -> float:
        return median(word.size for word in self._words)

    @property
    def _is_heading(self) -> bool:
        """Whether the row begins with the number of a section, which a page number is not."""
        number = number_at_start(self.text)
        return number is not None and (bool(number.mark) or not number.printed.isdigit())


class _Repeats:
    """Finds the rows that stand at the same edge of other pages too."""

    def __init__(self, pages: Sequence[Sequence[_Row]], front: str) -> None:
        self._alike: dict[str, list[_Row]] = defaultdict(list)
        self._counting: dict[tuple[str, int], list[_Row]] = defaultdict(list)
        self._titles: list[_Row] = []
        for row in (row for rows in pages for row in rows):
            self._alike[row.key].append(row)
            for offset in row.offsets:
                self._counting[offset].append(row)
            if row.depth > _ZONE and _words(row.text) and row.is_title(front):
                self._titles.append(row)

    def has(self, row: _Row) -> bool:
        """Return whether the same text, or a number that counts pages, is on another page.

        Far from the edge, where text could stand as well, it must be at the same height there. A
        row that is larger or bolder than on other pages is the title, which they repeat.
        """
        alike = self._others(row, self._alike[row.key])
        counting = [
            it for offset in row.offsets for it in self._others(row, self._counting[offset])
        ]
        others = alike + counting
        if others and row.size > 1.15 * median(it.size for it in others):
            return False
        if alike and row.bold and not any(it.bold for it in alike):
            return False
        if row.depth <= _ZONE:
            return bool(others)
        if row.is_number:
            return bool(counting)
        titles = self._others(row, self._titles) if row in self._titles else []
        return bool(titles) or len({it.page for it in others}) >= _LEAST_FAR

    def _others(self, row: _Row, rows: Sequence[_Row]) -> list[_Row]:
        return [
            it
            for it in rows
            if it.page != row.page
            and (row.depth <= _ZONE or abs(it.depth - row.depth) < _SAME_DEPTH)
        ]


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
            if depth > _FAR_ZONE:
                break
            after = heights[bases[at + 1]] if at + 1 < len(bases) else []
            yield _Row(page, heights[base], edge, depth, after)


def _heads_columns(page: Page, lines: Sequence[TextLine], after: Sequence[TextLine]) -> bool:
    """Return whether a row has several cells between two rules, or over as many cells below it."""
    cells = _spans(lines)
    if len(cells) < 3:
        return False
    base, room = lines[0].base, 2.5 * lines[0].size
    rules = [rule for rule in rules_of(page) if abs(rule.y - base) < room]
    above = [rule for rule in rules if rule.y < base - 0.5 * lines[0].size]
    below = [rule for rule in rules if rule.y > base]
    if any(is_same_width(one, other) for one in above for other in below):
        return True
    over = sum(any(low < x1 and high > x0 for x0, x1 in _spans(after)) for low, high in cells)
    return len(cells) > 3 and over > 3 and len(_spans(after)) > 3


def _spans(lines: Sequence[TextLine]) -> list[tuple[float, float]]:
    """Return the left and right edges of the cells of a row."""
    return [(cell[0].x0, cell[-1].x1) for line in lines for cell in line.cells(0.9)]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]{4,}", text.casefold()))


def _roman(text: str) -> int:
    """Return the value of the Roman number in a text; the order of its letters is not checked."""
    values = [_ROMAN[char] for char in text.lower() if char in _ROMAN]
    after = [*values[1:], 0]
    return sum(-it if it < then else it for it, then in zip(values, after, strict=True))
