"""Find the line numbers of manuscripts: at the edges of a page, and in the gap between columns.

Line numbers are aligned and count up, by one or by a larger constant, line by line. A numbered
column of a table does so too. So a stack of them must reach over at least half of the page, or
continue the stack of another column or page. Numbers that are not at the edge of a page must
continue another stack. Numbers of entries, such as references, skip lines.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Literal, NamedTuple

from fumehood_tools.reading.pdf.pages import Page
from fumehood_tools.reading.pdf.words import Word

_NUMBER = re.compile(r"[0-9]{1,5}")
_STEPS = (1, 2, 5, 10)
_LEAST_LINES = 10
_ALIGNED = 2.0
_SMALL = 0.85
_BESIDE = 120.0


class _Stack(NamedTuple):
    """Numbers below each other. end and x: the end at which they are aligned, and where it is.

    at_edge: near the edge of the text. tall: over at least half of it.
    """

    page: int
    words: list[Word]
    end: Literal["x0", "x1"]
    x: float
    step: int
    at_edge: bool
    tall: bool

    @property
    def first(self) -> int:
        return int(self.words[0].text)

    @property
    def last(self) -> int:
        return int(self.words[-1].text)

    def follows(self, other: "_Stack") -> bool:
        """Return whether the numbers go on from those of another stack, or are the same."""
        if self.step != other.step:
            return False
        beside = self.page == other.page and abs(self.x - other.x) > 50
        after = self.first == other.last + self.step and self.page - other.page in (0, 1)
        return after or (beside and self.first == other.first)


def without_line_numbers(pages: Sequence[Page]) -> Iterator[list[Word]]:
    """Yield the words of every page, without line numbers."""
    stacks = [stack for page in pages for stack in _stacks(page)]
    good = {id(stack.words[0]): stack for stack in stacks if _is_sure(stack, stacks)}
    for _ in range(2):
        # First the gap between columns, which continues an edge, and then the pages after it.
        for stack in stacks:
            if _is_long(stack) and any(
                stack.follows(it) or it.follows(stack) for it in good.values() if it is not stack
            ):
                good[id(stack.words[0])] = stack
    places = {_Place.of(stack) for stack in good.values()}
    gone = {id(it) for stack in stacks if _Place.of(stack) in places for it in stack.words}
    for page in pages:
        # Where line numbers are smaller than the text, their place and size are enough.
        usual = median(word.size for word in page.words) if page.words else 0.0
        small = {place for place in places if place.size < _SMALL * usual}
        for stack in good.values():
            if stack.page == page.number and _Place.of(stack) in small:
                small |= {_Place("x1", round(it.x1), it.size) for it in _continuing(page, stack)}
        yield [
            word
            for word in page.words
            if id(word) not in gone and not any(place.holds(word) for place in small)
        ]


class _Place(NamedTuple):
    """Where line numbers are printed, and their font size: pages with little text have few."""

    end: Literal["x0", "x1"]
    x: int
    size: float

    @classmethod
    def of(cls, stack: _Stack) -> "_Place":
        return cls(stack.end, round(stack.x), round(stack.words[0].size, 1))

    def holds(self, word: Word) -> bool:
        if not _NUMBER.fullmatch(word.text) or abs(word.size - self.size) > 0.2:
            return False
        end = word.x0 if self.end == "x0" else word.x1
        return abs(end - self.x) < _ALIGNED


def _continuing(page: Page, stack: _Stack) -> Iterator[Word]:
    """Yield the single number that continues a stack in another column."""
    after, size = str(stack.last + stack.step), stack.words[0].size
    for word in page.words:
        if word.text == after and not word.glued and abs(word.size - size) < 0.2:
            yield word


def _is_long(stack: _Stack) -> bool:
    return (len(stack.words) - 1) * stack.step >= _LEAST_LINES - 1


def _is_sure(stack: _Stack, stacks: Iterable[_Stack]) -> bool:
    """Return whether a stack at the edge of a page is one of line numbers by itself."""
    if not stack.at_edge or not _is_long(stack):
        return False
    return stack.tall or any(it is not stack and it.follows(stack) for it in stacks if it.at_edge)


def _stacks(page: Page) -> Iterator[_Stack]:
    """Yield the stacks of numbers on a page, aligned at their right or left ends."""
    numbers = [word for word in page.words if _NUMBER.fullmatch(word.text)]
    if len(numbers) < 2:
        return
    x0, x1 = min(word.x0 for word in page.words), max(word.x1 for word in page.words)
    low, high = min(word.base for word in page.words), max(word.base for word in page.words)
    edge = 0.1 * (x1 - x0)
    used: set[int] = set()
    ends: tuple[Literal["x1"], Literal["x0"]] = ("x1", "x0")
    for end in ends:
        for words in _aligned(numbers, end):
            stack = sorted((it for it in words if id(it) not in used), key=lambda it: it.base)
            step = _step(stack)
            if not step or _skips_lines(stack, step, page.words):
                continue
            stack = _in_step(stack, step)
            used.update(map(id, stack))
            at_edge = stack[0].x1 < x0 + edge or stack[0].x0 > x1 - edge
            tall = stack[-1].base - stack[0].base > 0.5 * (high - low)
            yield _Stack(page.number, stack, end, getattr(stack[0], end), step, at_edge, tall)


def _aligned(numbers: Sequence[Word], end: str) -> Iterator[list[Word]]:
    """Yield groups of numbers whose left or right ends are at the same place."""
    group: list[Word] = []
    for word in sorted(numbers, key=lambda it: float(getattr(it, end))):
        if group and getattr(word, end) - getattr(group[0], end) > _ALIGNED:
            yield group
            group = []
        group.append(word)
    yield group


def _step(stack: Sequence[Word]) -> int | None:
    """Return the difference by which a stack counts up, or None if it does not."""
    steps = [int(after.text) - int(before.text) for before, after in pairwise(stack)]
    if not steps:
        return None
    step, count = Counter(steps).most_common(1)[0]
    return step if step in _STEPS and count > 0.8 * len(steps) else None


def _in_step(stack: list[Word], step: int) -> list[Word]:
    """Return the numbers that continue a neighbor: others are there by chance."""
    values = [int(word.text) for word in stack]
    beside = zip([None, *values[:-1]], values, [*values[1:], None], strict=True)
    return [
        word
        for word, (before, value, after) in zip(stack, beside, strict=True)
        if before == value - step or after == value + step
    ]


def _skips_lines(stack: Sequence[Word], step: int, words: Sequence[Word]) -> bool:
    """Return whether the text next to a stack has many more lines than the stack counts."""
    x, low, high = stack[0].x0, stack[0].base, stack[-1].base
    beside = sorted(it.base for it in words if abs(it.x0 - x) < _BESIDE and low < it.base < high)
    lines = sum(after - before > 3 for before, after in pairwise([low, *beside, high]))
    return lines > 1.8 * step * (len(stack) - 1) + 2
