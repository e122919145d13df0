"""Group the lines of a paper into headings, paragraphs, list items, equations, code and footnotes.

A float never ends a paragraph: it is placed after the paragraph it interrupts. A paragraph
continues in the next column or on the next page unless its last line there looks like an ending.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal

from fumehood_tools.reading.pdf.floats import Float
from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.looks import Head, Style
from fumehood_tools.reading.pdf.words import BULLETS, HYPHENS, Word

PieceKind = Literal[
    "heading", "paragraph", "list_item", "equation", "code", "footnote", "float", "reference"
]
_ENUMERATOR = re.compile(r"\(?(?:[a-z]|[ivx]{1,4}|\d{1,2})[.)]|\[?[A-Z]{1,2}\d{1,2}[\].:)]")
_EQUATION_NUMBER = re.compile(r"\(((?:[A-Z]\.?|S)?\d{1,3}(?:\.\d{1,3})?[a-z]?|[*†])\)")
_REFERENCES = re.compile(
    r"\W*(references|bibliography|works cited|literature cited|literature)\W*", re.I
)
_CONTENTS = re.compile(r"\W*(table of )?contents\W*", re.I)
_LEADERS = re.compile(r"(?:\.\s?){5,}\s*\d{1,3}$")
_CONTENTS_LINE = re.compile(r"(?:\.\s?){4,}|\s\d{1,3}$")
_FIRST_REFERENCE = re.compile(r"\[1\]\s+\S")
_SIGN = re.compile(
    r"[=+\u2212\u2225\u2211\u220f\u222b\u2264\u2265\u2208\u221a\u00d7|<>\u221e\u2248\u2192]"
)
_ADDRESS = re.compile(r"://|\bwww\.")
_TORN_ADDRESS = re.compile(r"\bhttps?:(//\S*)?$")
_SENTENCE_END = '.!?:;"”’)]'


_YEAR = re.compile(r"\b(19|20)\d\d[a-z]?\b")
_ENTRY_NUMBER = re.compile(r"\[|\(?\d{1,3}[.)\s]")


@dataclass(slots=True)
class Piece:
    """Lines that make up one block of the document."""

    kind: PieceKind
    lines: list[TextLine] = field(default_factory=list)
    head: Head | None = None
    float: Float | None = None
    number: str | None = None


class Flow:
    """Takes the lines of a paper in order and groups them into pieces.

    justified: lines of the running text end at the right margin, so a short line can end a
    paragraph.
    """

    def __init__(self, style: Style, heads: Sequence[Head], *, justified: bool) -> None:
        self._style, self._justified = style, justified
        self._heads = {id(head.lines[0]): head for head in heads}
        self._pieces: list[Piece] = []
        self._current: Piece | None = None
        self._waiting: list[Piece] = []
        self._hang = 0.0
        self._apart = False
        self._references = False
        self._prose: set[int] = set()

    def pieces(self, elements: Sequence[TextLine | Float]) -> list[Piece]:
        """Return the pieces of a paper."""
        self._prose = set(self._prose_on_references(elements))
        at = 0
        while at < len(elements):
            element = elements[at]
            if isinstance(element, Float):
                self._waiting.append(Piece("float", element.lines, float=element))
                self._apart = True
                if self._current is None:
                    self._close()
                at += 1
                continue
            at += self._line(
                element, [it for it in elements[at : at + 12] if isinstance(it, TextLine)]
            )
        self._close()
        return self._pieces

    def _line(self, line: TextLine, ahead: Sequence[TextLine]) -> int:
        """Take one line, or all lines of the heading or equation that begins here.

        Returns how many lines were taken. The more specific kinds are tried first.
        """
        head = self._heads.get(id(line))
        if head and (not self._references or self._ends_references(head)):
            return self._heading(head)
        if self._references:
            if self._current is None:
                self._current = Piece("reference")
            self._current.lines.append(line)
            return 1
        if self._first_reference(line, ahead):
            self._close()
            self._references = True
            return self._line(line, ahead)
        if self._in_formula(line):
            self._pieces[-1].lines.append(line)
            return 1
        if (equation := equation_at(ahead, self._style)) is not None:
            self._add(equation)
            return len(equation.lines)
        if line.share("mono") > 0.8 and not self._is_inline(line) and _is_code(ahead):
            if self._current and self._current.kind == "code":
                self._current.lines.append(line)
            else:
                self._begin("code", line)
            return 1
        last = self._current or (self._pieces[-1] if self._pieces else None)
        in_list = last is not None and last.kind == "list_item"
        if (text_at := item_start(line, ahead, in_list=in_list)) is not None:
            self._begin("list_item", line)
            self._hang = text_at
        elif self._goes_on(line):
            assert self._current is not None
            self._current.lines.append(line)
        elif self._resumes(line):
            pass
        else:
            self._begin("paragraph", line)
        self._apart = False
        return 1

    def _heading(self, head: Head) -> int:
        self._add(Piece("heading", head.lines, head=head))
        self._references = _is_references(head) and id(head.lines[0]) not in self._prose
        if head.run_in:
            self._begin("paragraph", head.lines[-1].without(head.run_in))
        return len(head.lines)

    def _prose_on_references(self, elements: Sequence[TextLine | Float]) -> Iterator[int]:
        """Yield the ids of headings such as "References" below which there is no bibliography.

        A guide to authors has such a section. A bibliography has numbers, or a year in every few
        lines.
        """
        lines = [it for it in elements if isinstance(it, TextLine)]
        for at, line in enumerate(lines):
            head = self._heads.get(id(line))
            if head and _is_references(head):
                rest = lines[at + len(head.lines) : at + 80]
                below = list(takewhile(lambda it: id(it) not in self._heads, rest))
                dated = sum(bool(_YEAR.search(it.text)) for it in below)
                numbered = sum(bool(_ENTRY_NUMBER.match(it.text)) for it in below)
                if len(below) > 5 and max(dated, numbered) < 0.08 * len(below):
                    yield id(line)

    def _ends_references(self, head: Head) -> bool:
        return not head.run_in and (head.level == 1 or head.number is not None)

    def _first_reference(self, line: TextLine, ahead: Sequence[TextLine]) -> bool:
        """Return whether a bibliography without a heading begins: [1], and [2] a few
        lines below.
        """
        if not _FIRST_REFERENCE.match(line.text) or line.indent > 2:
            return False
        return any(it.text.startswith("[2] ") and abs(it.x0 - line.x0) < 3 for it in ahead)

    def _is_inline(self, line: TextLine) -> bool:
        """Return whether a monospaced line continues a sentence of the line above."""
        if self._current is None or self._current.kind not in ("paragraph", "list_item"):
            return False
        before = self._current.lines[-1]
        near = 0 < line.base - before.base < 1.3 * self._style.pitch
        torn = bool(_TORN_ADDRESS.search(before.text))
        return near and (torn or (before.short < 1 and before.text[-1:] not in ":;"))

    def _in_formula(self, line: TextLine) -> bool:
        """Return whether a line is part of the preceding formula, such as a limit."""
        if self._current or not self._pieces or self._pieces[-1].kind != "equation":
            return False
        formula = self._pieces[-1].lines
        top, bottom = min(it.top for it in formula), max(it.bottom for it in formula)
        within = top - 0.6 * line.size < line.base < bottom + 0.9 * line.size
        wordless = not any(len(it.text) > 3 and it.text.isalpha() for it in line.words)
        return within and wordless and line.page == formula[0].page and _number_of(line) is None

    def _resumes(self, line: TextLine) -> bool:
        """Continue the paragraph before a formula or float if its last word was hyphenated.

        Returns whether the line was taken.
        """
        last = next((it for it in reversed(self._pieces) if it.kind == "paragraph"), None)
        if self._current or last is None or self._pieces[-1].kind not in ("equation", "float"):
            return False
        if last.lines[-1].text[-1:] not in HYPHENS or not line.text[:1].islower():
            return False
        self._pieces.remove(last)
        last.lines.append(line)
        self._current = last
        return True

    def _begin(self, kind: PieceKind, line: TextLine) -> None:
        self._close()
        self._current = Piece(kind, [line])

    def _add(self, piece: Piece) -> None:
        self._close()
        self._pieces.append(piece)

    def _close(self) -> None:
        if self._current:
            self._pieces.append(self._current)
        self._pieces += self._waiting
        self._current, self._waiting, self._apart = None, [], False

    def _goes_on(self, line: TextLine) -> bool:
        """Return whether a line continues the current paragraph or list item.

        Within a column, the distance to the line above and the indents decide. Across a column or
        page break, or after a float, punctuation and capitalization decide instead.
        """
        if self._current is None or self._current.kind not in ("paragraph", "list_item"):
            return False
        before = self._current.lines[-1]
        if abs(before.size - line.size) > 0.08 * self._style.size + 0.2:
            return False
        item = self._current.kind == "list_item"
        step = line.base - before.base
        moved = before.page != line.page or before.column != line.column or step < 0
        if moved or self._apart:
            ended = before.text[-1:] in _SENTENCE_END and before.text[-1:] not in ",;"
            lower = line.text[:1].islower()
            if item:
                return not ended or lower or line.indent > 0.8
            return lower or not (ended and (before.short > 1 or line.indent > 0.7))
        if before.text.endswith(("http:", "https:")) and step < 2 * line.size:
            return True
        pitch = self._style.pitch * before.size / self._style.size
        if step > 1.3 * pitch and not (step < 2 * pitch and _breaks_off(before, line)):
            return False
        if item:
            return line.x0 > self._hang - 0.4 * line.size
        if len(self._current.lines) == 1 and line.x0 < before.x0 - 0.5 * line.size:
            return True
        if line.x0 > before.x0 + 0.7 * line.size and line.x0 < before.x0 + 5 * line.size:
            return False
        ended = before.text[-1:] in ".!?:"
        return not (self._justified and ended and before.short > 4 and line.indent < 0.3)


def _is_references(head: Head) -> bool:
    return bool(_REFERENCES.fullmatch(head.text))


def _breaks_off(before: TextLine, line: TextLine) -> bool:
    """Return whether a sentence plainly goes on, though a tall formula sets its lines apart."""
    full = before.short < 0.5 and before.text[-1:] not in _SENTENCE_END
    return full and line.text[:1].islower() and abs(line.indent) < 0.3


def item_start(line: TextLine, ahead: Sequence[TextLine], *, in_list: bool) -> float | None:
    """Return the x position of a list item's text, or None if the line does not begin an item.

    A label that could also begin a sentence, such as "1.", counts only with further evidence: an
    indent, a hanging second line, or another item before or after it.
    """
    words = line.words
    if len(words) < 2:
        return None
    first, second = words[0], words[1]
    if first.text in BULLETS and (line.indent > 0.2 or second.x0 - first.x1 > 0.3 * line.size):
        return second.x0
    hangs = len(ahead) > 1 and abs(ahead[1].x0 - second.x0) < 2 and ahead[1].x0 > line.x0 + 4
    alike = [it for it in ahead[1:] if abs(it.x0 - line.x0) < 3]
    if _ENUMERATOR.fullmatch(first.text) and not second.glued:
        others = any(_ENUMERATOR.fullmatch(it.words[0].text) for it in alike)
        if line.indent > 0.6 or hangs or in_list or others:
            return second.x0
    if (
        line.indent > 1.2
        and _has_label(words)
        and (in_list or any(_has_label(it.words) for it in alike))
    ):
        return line.x0
    return None


def _has_label(words: Sequence[Word]) -> bool:
    """Return whether a line begins with bold words and a colon, as in a description list."""
    for word in words[:8]:
        if not word.face.bold:
            return False
        if word.text.endswith(":"):
            return True
    return False


def _is_code(ahead: Sequence[TextLine]) -> bool:
    """Return whether monospaced text is a program: it has several words, or several such lines."""
    line = ahead[0]
    if "://" in line.text:
        return False
    return len(line.words) > 1 or (len(ahead) > 1 and ahead[1].share("mono") > 0.8)


def equation_at(ahead: Sequence[TextLine], style: Style) -> Piece | None:
    """Return the displayed formula that begins at the first of the given lines, if any."""
    lines: list[TextLine] = []
    number = None
    for line in ahead:
        found = _number_of(line)
        near = not lines or abs(line.base - lines[-1].base) < 2.6 * style.size
        if not near or not (found or _is_display(line, style)) or (found and number):
            break
        lines.append(line)
        number = found or number
    if not lines:
        return None
    formula = number is not None or any(_mathness(line) > 0.3 for line in lines)
    return Piece("equation", lines, number=number) if formula else None


def _number_of(line: TextLine) -> str | None:
    """Return the equation number at the edge of a line and separate from the formula, if any."""
    last, first = line.words[-1], line.words[0]
    if (match := _EQUATION_NUMBER.fullmatch(last.text)) and line.short < 1.5:
        before = line.words[-2] if len(line.words) > 1 else None
        if before is None or last.x0 - before.x1 > 1.2 * line.size:
            return match[1]
    if (match := _EQUATION_NUMBER.fullmatch(first.text)) and abs(line.indent) < 0.5:
        after = line.words[1] if len(line.words) > 1 else None
        if after is not None and after.x0 - first.x1 > 2 * line.size and line.share("math") > 0.15:
            return match[1]
    return None


def _is_display(line: TextLine, style: Style) -> bool:
    """Return whether a line is indented and consists of formulas rather than words."""
    first = line.words[0].text
    listed = len(line.words) > 1 and (first == "•" or bool(_ENUMERATOR.fullmatch(first)))
    if listed or _ADDRESS.search(line.text) or line.share("mono") > 0.8:
        return False
    prose = sum(
        len(word.text) > 2 and word.text.strip(".,;:()").isalpha() and not word.face.math
        for word in line.words
    )
    few = prose <= max(1, 0.25 * len(line.words))
    return few and line.indent > 1 and (_mathness(line) > 0.3 or len(line.text) < 12)


def _mathness(line: TextLine) -> float:
    """Return the share of words that look like math by their font, script position or signs."""
    found = sum(
        word.face.math
        or bool(word.script)
        or (len(word.text) == 1 and word.face.italic)
        or bool(_SIGN.search(word.text))
        for word in line.words
    )
    return found / len(line.words)


def take_contents(lines: list[TextLine]) -> None:
    """Remove a table of contents from the lines of a page."""
    start = next((at for at, line in enumerate(lines) if _CONTENTS.fullmatch(line.text)), None)
    end = 0 if start is None else start + 1
    first = start if start is not None else 0
    if start is None and not (lines and _LEADERS.search(lines[0].text)):
        return
    for at in range(end, len(lines)):
        if _CONTENTS_LINE.search(lines[at].text):
            end = at + 1
        elif at > end + 1:
            break
    if end > first + 2:
        del lines[first:end]


def elements_of(lines: Sequence[TextLine], floats: Sequence[Float]) -> Iterator[TextLine | Float]:
    """Yield the lines of a page with its floats inserted at their positions."""
    waiting = sorted(floats, key=lambda it: it.at)
    for at, line in enumerate(lines):
        while waiting and waiting[0].at <= at:
            yield waiting.pop(0)
        yield line
    yield from waiting
