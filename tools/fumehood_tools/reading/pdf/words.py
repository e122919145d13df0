"""Group glyphs into words: expand ligatures, and recognize small capitals.

A word is a run of glyphs without a space. A superscript or subscript is a separate word, glued to
the one before it. Coordinates are points from the top left of the page as displayed.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fumehood_tools.reading.pdf.fonts import Face
from fumehood_tools.reading.pdf.glyphs import SPACES, Glyph, gap_between, with_marks

Script = Literal["", "super", "sub", "note"]
HYPHENS = "-\u2010"
_VARIANT = re.compile("[\ufb00-\ufb06\ufb50-\ufdff\ufe70-\uffef\U0001d400-\U0001d7ff]")
BULLETS = "•‣◦∙·▪■□●○–—*∗⋄◆►▶✓-"
_NOTHING = "\u200b\u200c\u200d\ufeff\u2060"


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

    for glyph in with_marks(glyphs):
        if glyph.text in SPACES:
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


def _continues(last: Glyph, glyph: Glyph) -> bool:
    size = max(last.size, glyph.size)
    gap = gap_between(last, glyph)
    if abs(glyph.base - last.base) > 0.12 * size:
        return False
    # The letters of a ligature have the same box.
    return -0.6 * size < gap < 0.22 * size or abs(glyph.x0 - last.x0) < 0.01


def _touches(last: Glyph, glyph: Glyph) -> bool:
    size = max(last.size, glyph.size)
    return (
        -0.6 * size < gap_between(last, glyph) < 0.22 * size and abs(glyph.base - last.base) < size
    )


def _made_up(word: Word, glyph: Glyph) -> bool:
    """Return whether a space is too narrow to be real, as after the first of small capitals.

    pdfium also invents one before a superscript.
    """
    size = max(word.size, glyph.size)
    raised = word.base - glyph.base
    if 0.15 * size < raised < 0.75 * size and glyph.size < 0.88 * word.size:
        return -0.2 * size < glyph.x0 - word.x1 < 0.12 * size
    return (
        abs(raised) < 0.1 * size
        and word.size != glyph.size
        and -0.2 * size < glyph.x0 - word.x1 < 0.09 * size
    )


def _word(glyphs: list[Glyph], *, glued: bool) -> Word:
    big = max(glyphs, key=lambda glyph: glyph.size)
    face = _most_used_face(glyphs)
    text = _plain("".join([glyph.text for glyph in glyphs]))
    if _is_small_capitals(glyphs):
        text, face = text[0] + text[1:].lower(), face._replace(caps=True)
    return Word(
        text=text,
        x0=min([glyph.x0 for glyph in glyphs]),
        x1=max([glyph.x1 for glyph in glyphs]),
        base=big.base,
        size=big.size,
        face=face,
        glued=glued,
    )


def _most_used_face(glyphs: list[Glyph]) -> Face:
    """Return the face of most letters, the first one if there are as many in another."""
    letters = [glyph for glyph in glyphs if glyph.text.isalpha()] or glyphs
    faces = [glyph.face for glyph in letters]
    if all(face is faces[0] for face in faces):
        return faces[0]
    return Counter(faces).most_common(1)[0][0]


def _is_small_capitals(glyphs: list[Glyph]) -> bool:
    """Return whether small capitals are imitated: a capital followed by smaller capitals."""
    first = glyphs[0]
    if len(glyphs) < 2 or glyphs[-1].size == first.size == glyphs[1].size:
        return False
    letters = [glyph for glyph in glyphs[1:] if glyph.text.isalpha()]
    return bool(letters) and all(
        glyph.text.isupper() and 0.6 * first.size < glyph.size < 0.87 * first.size
        for glyph in letters
    )


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
