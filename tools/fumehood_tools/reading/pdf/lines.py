"""Group words into lines, and assign the lines to columns in reading order.

In nearly every paper, the order in which the file draws its text is the reading order. If that
order jumps around on a page, its lines are sorted by column instead. A line stores the edges of
its column, so that indents and short last lines can be recognized.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from fumehood_tools.reading.pdf.fonts import Face
from fumehood_tools.reading.pdf.glyphs import gap_between
from fumehood_tools.reading.pdf.line_numbers import without_line_numbers
from fumehood_tools.reading.pdf.pages import Page
from fumehood_tools.reading.pdf.words import BULLETS, Word, join_words

WIDE, LEFT, RIGHT = 0, 1, 2
_CELL_GAP = 1.1


@dataclass(slots=True)
class TextLine:
    """Words on one baseline. left and right are the edges of its column, in points. text: the line
    as printed.
    """

    words: list[Word]
    page: int
    base: float
    size: float
    column: int = WIDE
    left: float = 0.0
    right: float = 0.0
    text: str = field(init=False)
    face: Face = field(init=False)
    x0: float = field(init=False)
    x1: float = field(init=False)

    def __post_init__(self) -> None:
        self.measure()

    def measure(self) -> None:
        """Recompute text, extent and main font after the words have changed."""
        self.text = join_words(self.words)
        self.x0 = min([word.x0 for word in self.words])
        self.x1 = max([word.x1 for word in self.words])
        faces: Counter[Face] = Counter()
        for word in self.words:
            faces[word.face] += len(word.text)
        self.face = faces.most_common(1)[0][0]

    @property
    def top(self) -> float:
        """The y coordinate of the top of its capital letters."""
        return self.base - 0.72 * self.size

    @property
    def bottom(self) -> float:
        """The y coordinate of the bottom of its descenders."""
        return self.base + 0.22 * self.size

    @property
    def indent(self) -> float:
        """Distance from the left edge of the column to the line, as a multiple of its font size."""
        return (self.x0 - self.left) / self.size

    @property
    def short(self) -> float:
        """Distance from the line's end to the edge of the column, as a multiple of
        its font size.
        """
        return (self.right - self.x1) / self.size

    def without(self, count: int) -> "TextLine":
        """Return a copy of the line without its first `count` words."""
        rest = TextLine(self.words[count:], self.page, self.base, self.size, self.column)
        rest.left, rest.right = self.left, self.right
        return rest

    def share(self, test: str) -> float:
        """Return the share of letters whose font is bold, italic, math, mono or caps."""
        total = sum(len(word.text) for word in self.words)
        return sum(len(word.text) for word in self.words if getattr(word.face, test)) / total

    def cells(self, gap: float = _CELL_GAP) -> list[list[Word]]:
        """Return the words in groups, split at gaps wider than `gap` times the font size."""
        groups = [[self.words[0]]]
        for before, word in pairwise(self.words):
            if word.x0 - before.x1 > gap * self.size:
                groups.append([])
            groups[-1].append(word)
        return groups


def lines_of_pages(pages: Sequence[Page]) -> list[list[TextLine]]:
    """Return the lines of every page, in the order in which the file draws them."""
    every = zip(pages, without_line_numbers(pages), strict=True)
    return [_lines_of(page, words) for page, words in every]


def _lines_of(page: Page, words: Sequence[Word]) -> list[TextLine]:
    lines: list[TextLine] = []
    for word in words:
        if lines and _continues(lines[-1], word):
            _append(lines[-1], word)
        else:
            lines.append(TextLine([word], page.number, word.base, word.size))
    for line in lines:
        line.measure()
    return _with_bullets(_rejoined(lines))


def _continues(line: TextLine, word: Word) -> bool:
    """Return whether a word belongs to a line: it is close by, on the baseline or as a script."""
    last = line.words[-1]
    size = max(line.size, word.size)
    gap = gap_between(last, word)
    if gap < -0.45 * size and not (last.script and (gap > -1.2 * size or _is_below(line, word))):
        return False
    shift = abs(word.base - line.base)
    if shift <= 0.12 * size:
        return True
    if gap > 1.2 * size:
        return False
    if word.size < 0.88 * line.size or (word.size > 1.13 * line.size and _all_small(line, word)):
        # The script of a tall bracket is higher than that of a letter.
        return shift < (1.3 if last.face.large else 0.75) * size
    return shift < 0.4 * size


def _is_below(line: TextLine, word: Word) -> bool:
    """Return whether a small word stands below or above long scripts of the same letter."""
    letter = next((it for it in reversed(line.words) if not it.script), None)
    small = word.size < 0.88 * line.size
    return small and letter is not None and word.x0 > letter.x1 - 0.3 * line.size


def _all_small(line: TextLine, word: Word) -> bool:
    return sum(len(it.text) for it in line.words) <= 3 and word.base > line.base - 0.3 * word.size


def _append(line: TextLine, word: Word) -> None:
    """Add a word to a line, and mark superscripts and subscripts by their size and baseline."""
    if len(line.words) == 1 and line.words[0].text in BULLETS:
        # The size of a bullet does not tell the size of its item, so take the word's.
        line.base, line.size = word.base, word.size
    elif word.size > 1.13 * line.size and abs(word.base - line.base) > 0.12 * word.size:
        for before in line.words:
            before.script = "super" if before.base < word.base else "sub"
        line.base, line.size = word.base, word.size
    elif word.size > line.size:
        line.size = word.size
    elif word.size < 0.88 * line.size and abs(word.base - line.base) > 0.1 * line.size:
        word.script = "super" if word.base < line.base else "sub"
    line.words.append(word)


def _with_bullets(lines: list[TextLine]) -> list[TextLine]:
    """Put bullets that were drawn separately in front of their items."""
    lone = [line for line in lines if all(word.text in BULLETS for word in line.words)]
    if not lone:
        return lines
    gone = set(map(id, lone))
    kept = [line for line in lines if id(line) not in gone]
    for bullet in (word for line in lone for word in line.words):
        level = (it for it in kept if abs(it.base - bullet.base) < 0.5 * it.size)
        right = [it for it in level if 0 < it.x0 - bullet.x1 < 3 * it.size]
        if right:
            item = min(right, key=lambda it: it.x0)
            item.words.insert(0, bullet)
            item.measure()
    return kept


def _rejoined(lines: list[TextLine]) -> list[TextLine]:
    """Join pieces of one row that were drawn from right to left, such as labels and numbers."""
    kept: list[TextLine] = []
    for line in lines:
        before = kept[-1] if kept else None
        if before and abs(before.base - line.base) < 0.12 * line.size and line.x1 <= before.x0 + 1:
            gap = before.x0 - line.x1
            if gap < 2.5 * line.size or len(line.text) <= 6:
                before.words = line.words + before.words
                before.measure()
                continue
        kept.append(line)
    return kept


def set_columns(pages: Sequence[tuple[Page, list[TextLine]]]) -> None:
    """Set the column of every line, and the edges of that column.

    A page without a clear gap between columns uses the gap of other pages, if it fits.
    """
    gutters = [_gutter(lines) for _, lines in pages]
    known = sorted({gutter for gutter in gutters if gutter is not None})
    edges: dict[int, tuple[float, float]] = {}
    for (_, lines), found in zip(pages, gutters, strict=True):
        gutter = found
        if gutter is None and known:
            usual = known[len(known) // 2]
            gutter = usual if _is_split(lines, usual) else None
        for line in lines:
            line.column = _column(line, gutter)
        for column in (WIDE, LEFT, RIGHT):
            mine = [line for line in lines if line.column == column]
            if mine:
                _set_edges(mine, column, edges)


def _gutter(lines: list[TextLine]) -> float | None:
    """Return the x position of the gap between two columns of prose, or None for one column.

    Tries 31 positions around the middle. The best has the most nearly full lines on the side with
    fewer of them, less a penalty for lines that cross the gap; each side needs at least 6.
    """
    spans = [(line.x0, line.x1) for line in lines if len(line.words) > 1]
    if len(spans) < 12:
        return None
    low, high = min(x0 for x0, _ in spans), max(x1 for _, x1 in spans)
    width = high - low
    # Try positions from 35 % to 65 % of the width. Lines that nearly fill their side are evidence
    # for a gap; lines that cross it are evidence against.
    best, best_score = None, 0.0
    for step in range(35, 66):
        x = low + width * step / 100
        left = [(x0, x1) for x0, x1 in spans if x1 <= x]
        right = [(x0, x1) for x0, x1 in spans if x0 >= x]
        across = len(spans) - len(left) - len(right)
        full = [
            sum(x1 - x0 > 0.72 * (x - low) for x0, x1 in left),
            sum(x1 - x0 > 0.72 * (high - x) for x0, x1 in right),
        ]
        score = min(full) - 0.35 * across
        if min(full) >= 6 and score > best_score:
            best, best_score = x, score
    if best is None:
        return None
    right_edge = min(line.x0 for line in lines if line.x0 >= best)
    left_edge = max((line.x1 for line in lines if line.x1 <= best), default=best)
    return (left_edge + right_edge) / 2


def _is_split(lines: list[TextLine], gutter: float) -> bool:
    """Return whether a page with little text fits the column gap of other pages."""
    across = sum(line.x0 < gutter - 5 and line.x1 > gutter + 5 for line in lines)
    return across < 0.3 * len(lines)


def _column(line: TextLine, gutter: float | None) -> int:
    if gutter is None or (line.x0 < gutter - 3 and line.x1 > gutter + 3):
        return WIDE
    return LEFT if (line.x0 + line.x1) / 2 < gutter else RIGHT


def _set_edges(lines: list[TextLine], column: int, edges: dict[int, tuple[float, float]]) -> None:
    """Set the edges of a column to the positions at which most of its lines begin and end.

    If a page has fewer than three long lines, the edges from an earlier page are used.
    """
    long = [line for line in lines if len(line.words) >= 5]
    if len(long) >= 3 or column not in edges:
        some = long or lines
        starts = Counter(round(line.x0) for line in some)
        most = max(starts.values())
        left = min(x for x, count in starts.items() if count >= max(2, 0.3 * most) or most == 1)
        ends = Counter(round(line.x1) for line in some)
        common = [x for x, count in ends.items() if count >= max(2, 0.3 * max(ends.values()))]
        right = max(common) if common else max(line.x1 for line in some)
        edges[column] = (left, right)
    for line in lines:
        line.left, line.right = edges[column]


def in_reading_order(lines: list[TextLine]) -> list[TextLine]:
    """Return the lines of a page in reading order.

    The drawing order is kept unless it jumps upward within a column too often. Otherwise, lines
    that span both columns divide the page, and each part is read column by column.
    """
    jumps = sum(
        after.base < before.base - before.size and after.column == before.column
        for before, after in pairwise(lines)
    )
    if jumps <= max(4, len(lines) // 10):
        return lines
    wide = sorted((line for line in lines if line.column == WIDE), key=lambda line: line.base)
    narrow = [line for line in lines if line.column != WIDE]
    ordered: list[TextLine] = []
    for line in [*wide, None]:
        above = [it for it in narrow if line is None or it.base < line.base]
        narrow = [it for it in narrow if line is not None and it.base >= line.base]
        ordered += sorted(above, key=lambda it: (it.column, it.base, it.x0))
        if line is not None:
            ordered.append(line)
    return ordered
