"""Put marks with the letters that they are drawn over, and the parts of tall brackets together.

TeX draws é as e and ´, ≠ as / and =, and a tall bracket as up to four parts. pdfium sorts what a
line draws by its left edge, so a mark can come before its letter or as late as the end of the line.
It also inserts spaces and line ends around such glyphs; here the gaps between glyphs decide instead.
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
    for glyph in glyphs:
        if glyph.text in SPACES and glyph.text:
            row.space(glyph)
        elif glyph.text in _SPECIAL or glyph.face.large:
            row.special(glyph)
        else:
            row.plain(glyph)
    return row.done()


class _Row:
    """The glyphs so far. Marks whose letter has not come yet wait in front of it."""

    def __init__(self) -> None:
        self._kept: list[Glyph] = []
        self._stacks: set[int] = set()
        self._loose = False
        self._waiting = False

    def space(self, glyph: Glyph) -> None:
        """Take a space, unless a mark came just before: its spaces are pdfium's inventions."""
        if not self._loose:
            self._kept.append(glyph)

    def plain(self, glyph: Glyph) -> None:
        """Take an ordinary glyph, with the mark that waits for it."""
        if self._loose:
            self._part_from(glyph)
        if self._waiting:
            self._waiting = False
            mark = self._kept[-1]
            if mark.text == STROKE and -0.4 * glyph.size < mark.x0 - glyph.x0 < 0.9 * glyph.size:
                self._kept.pop()
                glyph = glyph._replace(text=unicodedata.normalize("NFC", glyph.text + STROKE))
            elif mark.text in _ACCENTS and _is_under(glyph, mark):
                self._kept.pop()
                glyph = _accented(glyph, mark)
        self._kept.append(glyph)

    def special(self, glyph: Glyph) -> None:
        """Take a mark, a part of a tall bracket, a large symbol, or the end of a pair."""
        text = glyph.text
        if text in _ACCENTS:
            self._mark(glyph)
        elif text == STROKE:
            self._stroke(glyph)
        elif text in _ENDS and self._completes(glyph):
            pass
        elif text in PARTS and self._stacks_on(glyph):
            pass
        elif text:
            if text in PARTS or glyph.face.large:
                self._without_spaces()
                self._part_from(glyph)
            self.plain(glyph)
            if text in PARTS:
                self._stacks.add(len(self._kept) - 1)
            self._loose = text in PARTS or glyph.face.large

    def _mark(self, mark: Glyph) -> None:
        seen = 0
        for at in range(len(self._kept) - 1, -1, -1):
            letter = self._kept[at]
            seen += 1
            if seen > _FARTHEST:
                break
            if _is_under(letter, mark):
                self._kept[at] = _accented(letter, mark)
                self._without_spaces()
                self._loose = True
                return
        self.plain(mark)
        self._waiting = True

    def _stroke(self, stroke: Glyph) -> None:
        last = next((it for it in self._kept[:-4:-1] if it.text not in SPACES), None)
        if last and abs(last.base - stroke.base) < 0.3 * last.size and (
            last.x0 + 0.1 * last.size < stroke.x0 + 0.39 * stroke.size < last.x1
        ):  # fmt: skip
            at = self._kept.index(last, len(self._kept) - 3 if len(self._kept) > 3 else 0)
            self._kept[at] = last._replace(text=unicodedata.normalize("NFC", last.text + STROKE))
            self._without_spaces()
            self._loose = True
            return
        self.plain(stroke)
        self._waiting = True

    def _completes(self, glyph: Glyph) -> bool:
        """Return whether a glyph and the sign before it are one sign, which then replaces both."""
        last = self._kept[-1] if self._kept else None
        if last is None or glyph.x0 - last.x1 > 0.02 * glyph.size:
            return False
        whole = PAIRS.get(last.text + glyph.text)
        if whole is None or abs(last.base - glyph.base) > 0.1 * glyph.size:
            return False
        self._kept[-1] = glyph._replace(text=whole, x0=min(last.x0, glyph.x0))
        return True

    def _stacks_on(self, part: Glyph) -> bool:
        """Return whether a part of a bracket belongs to the parts before it, and join them."""
        self._without_spaces()
        at = len(self._kept) - 1
        if at not in self._stacks:
            return False
        top = self._kept[at]
        if abs((top.x0 + top.x1) - (part.x0 + part.x1)) > 0.6 * part.size:
            return False
        count = len(top.text)
        base = (top.base * count + part.base) / (count + 1)
        self._kept[at] = top._replace(text=top.text + part.text, base=base)
        return True

    def _without_spaces(self) -> None:
        while self._kept and self._kept[-1].text in SPACES:
            self._kept.pop()

    def _part_from(self, glyph: Glyph) -> None:
        """Add a space before a glyph if there is a gap."""
        self._loose = False
        if not self._kept:
            return
        last = self._kept[-1]
        size = max(last.size, glyph.size)
        level = abs(last.base - glyph.base) < size
        if not (level and -size < gap_between(last, glyph) < _SPACE * size):
            self._kept.append(glyph._replace(text=" "))

    def done(self) -> list[Glyph]:
        """Return all glyphs."""
        for at in self._stacks:
            self._kept[at] = self._kept[at]._replace(text=bracket(self._kept[at].text))
        return self._kept


def _is_under(letter: Glyph, mark: Glyph) -> bool:
    if not letter.text[:1].isalpha() or abs(letter.base - mark.base) > 0.5 * letter.size:
        return False
    middle, room = (mark.x0 + mark.x1) / 2, 0.05 * letter.size
    return letter.x0 - room < middle < letter.x1 + room


def _accented(letter: Glyph, mark: Glyph) -> Glyph:
    first, rest = letter.text[0], letter.text[1:]
    text = _DOTLESS.get(first, first) + rest + _ACCENTS[mark.text]
    return letter._replace(text=unicodedata.normalize("NFC", text))
