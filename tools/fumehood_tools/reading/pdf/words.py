"""Group glyphs into words: compose accents, expand ligatures, and recognize small capitals.

A word is a run of glyphs without a space. A superscript or subscript is a separate word, glued to
the one before it. Coordinates are points from the top left of the page as displayed.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fumehood_tools.reading.pdf.fonts import Face

Script = Literal["", "super", "sub"]
SOFT_HYPHENS = "\u00ad\u0002\ufffe"
HYPHENS = f"-\u2010{SOFT_HYPHENS}"
_ACCENTS = {
    "\u00b4": "\u0301", "`": "\u0300", "\u00a8": "\u0308", "\u02c6": "\u0302", "^": "\u0302",
    "\u02dc": "\u0303", "\u00af": "\u0304", "\u02d8": "\u0306", "\u02d9": "\u0307",
    "\u02da": "\u030a", "\u02c7": "\u030c", "\u00b8": "\u0327", "\u02db": "\u0328",
    "\u02dd": "\u030b",
}  # fmt: skip
_SPACES = " \t\r\n\f\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u3000"
_VARIANT = re.compile("[\ufb00-\ufb06\ufb50-\ufdff\ufe70-\uffef\U0001d400-\U0001d7ff]")
BULLETS = "•‣◦∙·▪■□●○–—*∗⋄◆►▶✓-"
_NOTHING = "\u200b\u200c\u200d\ufeff\u2060"


class Glyph(NamedTuple):
    """One character on the page. base is the y coordinate of its baseline."""

    text: str
    x0: float
    x1: float
    base: float
    size: float
    face: Face


@dataclass(slots=True)
class Word:
    """Letters without a space between them. glued: there is no space before it either."""

    text: str
    x0: float
    x1: float
    base: float
    size: float
    face: Face
    glued: bool = False
    script: Script = ""

    @property
    def top(self) -> float:
        """The y coordinate of the top of its capital letters."""
        return self.base - 0.72 * self.size

    @property
    def bottom(self) -> float:
        """The y coordinate of the bottom of its descenders."""
        return self.base + 0.22 * self.size

    @property
    def middle(self) -> float:
        """The y coordinate of the middle of its lowercase letters."""
        return self.base - 0.25 * self.size


def words_of(glyphs: Iterable[Glyph]) -> list[Word]:
    """Return the words that glyphs form, in the order in which the file draws them."""
    words: list[Word] = []
    current: list[Glyph] = []
    spaced = True

    def close(space: bool) -> None:
        nonlocal spaced
        if current:
            words.append(_word(current, glued=not spaced))
            current.clear()
            spaced = space
        else:
            spaced = spaced or space

    for glyph in _with_late_accents(glyphs):
        if glyph.text in _SPACES:
            close(space=True)
            continue
        if glyph.text in _NOTHING:
            continue
        if current:
            last = current[-1]
            if not _continues(last, glyph):
                close(space=not _touches(last, glyph))
        elif words and spaced and glyph.size and _made_up(words[-1], glyph):
            spaced = False
        current.append(glyph)
    close(space=True)
    return words


def _with_late_accents(glyphs: Iterable[Glyph]) -> list[Glyph]:
    """Return glyphs, with accents that are drawn after their letter added to that letter."""
    kept: list[Glyph] = []
    for glyph in glyphs:
        mark = _ACCENTS.get(glyph.text)
        if mark:
            for back in range(1, min(len(kept), 8) + 1):
                letter = kept[-back]
                level = abs(letter.base - glyph.base) < 0.5 * letter.size
                if letter.text.isalpha() and level and _over(glyph, letter):
                    kept[-back] = letter._replace(text=letter.text + mark)
                    break
            else:
                kept.append(glyph)
        else:
            kept.append(glyph)
    return kept


def _continues(last: Glyph, glyph: Glyph) -> bool:
    size = max(last.size, glyph.size)
    gap = gap_between(last, glyph)
    if abs(glyph.base - last.base) > 0.12 * size:
        return False
    # The letters of a ligature have the same box.
    return -0.6 * size < gap < 0.22 * size or abs(glyph.x0 - last.x0) < 0.01


def gap_between(last: "Glyph | Word", after: "Glyph | Word") -> float:
    """Return the gap between two consecutive glyphs or words, in the direction of their script."""
    gap = after.x0 - last.x1
    if gap < 0 and unicodedata.bidirectional(after.text[0]) in ("R", "AL"):
        return last.x0 - after.x1
    return gap


def _touches(last: Glyph, glyph: Glyph) -> bool:
    size = max(last.size, glyph.size)
    return (
        -0.6 * size < gap_between(last, glyph) < 0.22 * size and abs(glyph.base - last.base) < size
    )


def _made_up(word: Word, glyph: Glyph) -> bool:
    """Return whether a space is too narrow to be real, as after the first of small capitals."""
    size = max(word.size, glyph.size)
    same = abs(word.base - glyph.base) < 0.1 * size
    return same and word.size != glyph.size and -0.2 * size < glyph.x0 - word.x1 < 0.09 * size


def _word(glyphs: list[Glyph], *, glued: bool) -> Word:
    big = max(glyphs, key=lambda glyph: glyph.size)
    letters = [glyph for glyph in glyphs if glyph.text.isalpha()] or glyphs
    face = max(
        {glyph.face for glyph in letters},
        key=lambda face: sum(glyph.face == face for glyph in letters),
    )
    text = _compose(glyphs)
    if _is_small_capitals(glyphs):
        text, face = text[0] + text[1:].lower(), face._replace(caps=True)
    return Word(
        text=text,
        x0=min(glyph.x0 for glyph in glyphs),
        x1=max(glyph.x1 for glyph in glyphs),
        base=big.base,
        size=big.size,
        face=face,
        glued=glued,
    )


def _is_small_capitals(glyphs: list[Glyph]) -> bool:
    """Return whether small capitals are imitated: a capital followed by smaller capitals."""
    first, *rest = glyphs
    letters = [glyph for glyph in rest if glyph.text.isalpha()]
    return bool(letters) and all(
        glyph.text.isupper() and 0.6 * first.size < glyph.size < 0.87 * first.size
        for glyph in letters
    )


def _compose(glyphs: list[Glyph]) -> str:
    """Return the text of glyphs. An accent drawn over a letter becomes part of that letter."""
    parts: list[str] = []
    at = 0
    while at < len(glyphs):
        glyph = glyphs[at]
        after = glyphs[at + 1] if at + 1 < len(glyphs) else None
        mark = _ACCENTS.get(glyph.text)
        if mark and after and after.text.isalpha() and _over(glyph, after):
            base = {"\u0131": "i", "\u0237": "j"}.get(after.text, after.text)
            parts.append(base[0] + mark + base[1:])
            at += 2
            continue
        parts.append(glyph.text)
        at += 1
    return _plain("".join(parts))


def _over(accent: Glyph, letter: Glyph) -> bool:
    middle = (accent.x0 + accent.x1) / 2
    return letter.x0 - 0.05 * letter.size < middle < letter.x1 + 0.05 * letter.size


def _plain(text: str) -> str:
    """Return text with ligatures and math letters as plain letters, and accents composed."""
    if text.isascii():
        return text
    letters = (
        unicodedata.normalize("NFKC", char) if _VARIANT.match(char) else char for char in text
    )
    return unicodedata.normalize("NFC", "".join(letters))


def join_words(words: Iterable[Word]) -> str:
    """Return words as text, with no space before a glued word."""
    parts: list[str] = []
    for word in words:
        if parts and not word.glued:
            parts.append(" ")
        parts.append(word.text)
    return "".join(parts)
