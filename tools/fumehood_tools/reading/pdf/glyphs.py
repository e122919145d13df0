"""Put marks with the letters that they are drawn over, and the parts of tall brackets together.

TeX draws é as e and ´, ≠ as / and =, and a tall bracket as up to four parts. pdfium sorts what a
line draws by its left edge, so a mark can come before its letter or as late as the end of the
line. It also inserts spaces and line ends around such glyphs; here the gaps decide instead.
"""

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from fumehood_tools.reading.pdf.fonts import Face
from fumehood_tools.reading.pdf.symbols import PAIRS, PARTS, STROKE, bracket

SPACES = " \t\r\n\f\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u3000"
_ACCENTS = {
    "\u00b4": "\u0301", "`": "\u0300", "\u00a8": "\u0308", "\u02c6": "\u0302", "^": "\u0302",
    "\u02dc": "\u0303", "\u00af": "\u0304", "\u02d8": "\u0306", "\u02d9": "\u0307",
    "\u02da": "\u030a", "\u02c7": "\u030c", "\u00b8": "\u0327", "\u02db": "\u0328",
    "\u02dd": "\u030b", "\u02ca": "\u0301", "\u02cb": "\u0300", "\u02c9": "\u0304",
    "\u20d7": "\u20d7",
}  # fmt: skip
_ACCENTS |= {mark: mark for mark in tuple(_ACCENTS.values())}
_DOTLESS = {"\u0131": "i", "\u0237": "j"}
_ENDS = frozenset(pair[-1] for pair in PAIRS)
_SPECIAL = frozenset(_ACCENTS) | PARTS | _ENDS | {STROKE, ""}
_FARTHEST = 250
_SPACE = 0.15


class Glyph(NamedTuple):
    """One character on the page. base is the y coordinate of its baseline."""

    text: str
    x0: float
    x1: float
    base: float
    size: float
    face: Face


class Placed(Protocol):
    """What stands on a line: a glyph or a word."""

    @property
    def text(self) -> str: ...
    @property
    def x0(self) -> float: ...
    @property
    def x1(self) -> float: ...


def gap_between(last: Placed, after: Placed) -> float:
    """Return the gap between two consecutive glyphs or words, in the direction of their script."""
    gap = after.x0 - last.x1
    if gap < 0 and unicodedata.bidirectional(after.text[0]) in ("R", "AL"):
        return last.x0 - after.x1
    return gap


def with_marks(glyphs: Iterable[Glyph]) -> list[Glyph]:
    """Return glyphs with every mark in its letter, and every tall bracket as one glyph."""
    row = _Row()
    kept = row.kept
    for glyph in glyphs:
        if glyph.text in _SPECIAL or glyph.face.large:
            row.special(glyph)
        elif row.busy:
            row.plain(glyph)
        else:
            kept.append(glyph)
    return row.done()


class _Row:
    """The glyphs so far.

    busy: a mark came just before. Spaces after it are pdfium's inventions, and it may wait for its
    letter.
    """

    def __init__(self) -> None:
        self.kept: list[Glyph] = []
        self.busy = False
        self._stacks: set[int] = set()
        self._waiting = False

    def plain(self, glyph: Glyph) -> None:
        """Take an ordinary glyph or a space after a mark, and the mark that waits for it."""
        if glyph.text in SPACES:
            return
        if self._waiting and (whole := _under_mark(glyph, self.kept[-1])):
            self.kept[-1] = whole
        else:
            self._part_from(glyph)
            self.kept.append(glyph)
        self.busy = self._waiting = False

    def special(self, glyph: Glyph) -> None:
        """Take a mark, a part of a tall bracket, a large symbol, or the end of a pair."""
        text = glyph.text
        if not text:
            return
        if text in SPACES:
            if not self.busy:
                self.kept.append(glyph)
        elif text in _ACCENTS:
            self._mark(glyph)
        elif text == STROKE:
            self._stroke(glyph)
        elif text in PARTS or glyph.face.large:
            self._large(glyph)
        elif not self._completes(glyph):
            if self.busy:
                self.plain(glyph)
            else:
                self.kept.append(glyph)

    def _large(self, glyph: Glyph) -> None:
        self._without_spaces()
        if glyph.text in PARTS and self._stacks_on(glyph):
            return
        self._part_from(glyph)
        if glyph.text in PARTS:
            self._stacks.add(len(self.kept))
        self.kept.append(glyph)
        self.busy, self._waiting = True, False

    def _mark(self, mark: Glyph) -> None:
        for at in range(len(self.kept) - 1, max(-1, len(self.kept) - 1 - _FARTHEST), -1):
            if _is_under(self.kept[at], mark):
                self._put_on(at, _accented(self.kept[at], mark))
                return
        self.kept.append(mark)
        self.busy = self._waiting = True

    def _stroke(self, stroke: Glyph) -> None:
        middle = stroke.x0 + 0.39 * stroke.size
        for at in range(len(self.kept) - 1, max(-1, len(self.kept) - 4), -1):
            sign = self.kept[at]
            level = abs(sign.base - stroke.base) < 0.3 * sign.size
            if sign.text not in SPACES and level and sign.x0 + 0.1 * sign.size < middle < sign.x1:
                self._put_on(at, _stricken(sign))
                return
        self.kept.append(stroke)
        self.busy = self._waiting = True

    def _put_on(self, at: int, whole: Glyph) -> None:
        self.kept[at] = whole
        self._without_spaces()
        self.busy = True

    def _completes(self, glyph: Glyph) -> bool:
        """Return whether a glyph and the sign before it are one sign, which then replaces both."""
        last = self.kept[-1] if self.kept else None
        if last is None or glyph.x0 - last.x1 > 0.02 * glyph.size:
            return False
        whole = PAIRS.get(last.text + glyph.text)
        if whole is None or abs(last.base - glyph.base) > 0.1 * glyph.size:
            return False
        self.kept[-1] = glyph._replace(text=whole, x0=min(last.x0, glyph.x0))
        return True

    def _stacks_on(self, part: Glyph) -> bool:
        """Return whether a part of a bracket belongs to the parts before it, and join them."""
        self._without_spaces()
        at = len(self.kept) - 1
        if at not in self._stacks:
            return False
        top = self.kept[at]
        if abs((top.x0 + top.x1) - (part.x0 + part.x1)) > 0.6 * part.size:
            return False
        count = len(top.text)
        base = (top.base * count + part.base) / (count + 1)
        self.kept[at] = top._replace(text=top.text + part.text, base=base)
        return True

    def _without_spaces(self) -> None:
        while self.kept and self.kept[-1].text in SPACES:
            self.kept.pop()

    def _part_from(self, glyph: Glyph) -> None:
        """Add a space before a glyph if there is a gap."""
        self.busy = False
        if not self.kept:
            return
        last = self.kept[-1]
        size = max(last.size, glyph.size)
        level = abs(last.base - glyph.base) < size
        if not (level and -size < gap_between(last, glyph) < _SPACE * size):
            self.kept.append(glyph._replace(text=" "))

    def done(self) -> list[Glyph]:
        """Return all glyphs."""
        for at in self._stacks:
            self.kept[at] = self.kept[at]._replace(text=bracket(self.kept[at].text))
        return self.kept


def _is_under(letter: Glyph, mark: Glyph) -> bool:
    if not letter.text[:1].isalpha() or abs(letter.base - mark.base) > 0.5 * letter.size:
        return False
    middle, room = (mark.x0 + mark.x1) / 2, 0.05 * letter.size
    return letter.x0 - room < middle < letter.x1 + room


def _under_mark(glyph: Glyph, mark: Glyph) -> Glyph | None:
    """Return a glyph with the mark that was drawn before it, or None if the mark is not over it."""
    if mark.text == STROKE:
        near = -0.4 * glyph.size < mark.x0 - glyph.x0 < 0.9 * glyph.size
        return _stricken(glyph) if near else None
    return _accented(glyph, mark) if _is_under(glyph, mark) else None


def _stricken(sign: Glyph) -> Glyph:
    return sign._replace(text=unicodedata.normalize("NFC", sign.text + STROKE))


def _accented(letter: Glyph, mark: Glyph) -> Glyph:
    first, rest = letter.text[0], letter.text[1:]
    text = _DOTLESS.get(first, first) + rest + _ACCENTS[mark.text]
    return letter._replace(text=unicodedata.normalize("NFC", text))
