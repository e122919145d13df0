"""Read the characters of a page from pdfium, in the order of its text layer.

A character costs five calls of about 0.4 µs. What all characters of a text object share, such as
the font and the color, is asked once for each object. A word that is drawn twice in one place, to
imitate bold letters, is returned once; the rule is that of pdftext 0.7 (Apache-2.0).
"""

import ctypes
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from fumehood_tools.reading.document import Box
from fumehood_tools.reading.pdf.fonts import Face, face_of
from fumehood_tools.reading.pdf.frames import Frame

Colour = tuple[int, int, int]
_LONGEST_NAME = 256
_WORD_ENDS = "\u0002\n "


class Font(NamedTuple):
    """A font as pdfium describes it. size: before the text object's matrix scales it."""

    name: str
    flags: int
    size: float
    weight: int


class Ink(NamedTuple):
    """How a text object is drawn: font size in points, fill color, and whether it is invisible."""

    font: Font
    face: Face
    size: float
    colour: Colour
    unseen: bool


class Character(NamedTuple):
    """One character of the text layer.

    at: its place there. text: its code; characters beyond U+FFFF come as two halves. box: from
    its start to that of the next one, as high as its font. angle: in radians, 0 if upright.
    """

    at: int
    text: str
    box: Box
    angle: float
    ink: Ink


def characters_of(text: Any, frame: Frame) -> list[Character]:
    """Return the characters of a pypdfium2 text page. Raises pypdfium2.PdfiumError."""
    return list(_without_doubles(_all_characters(text, frame)))


def _all_characters(text: Any, frame: Frame) -> Iterator[Character]:
    page, inks, rect = text.raw, _Inks(text), raw.FS_RECTF()
    for index in range(text.count_chars()):
        if not raw.FPDFText_GetLooseCharBox(page, index, rect):
            raise pdfium.PdfiumError(f"character {index} has no box")
        yield Character(
            index,
            chr(raw.FPDFText_GetUnicode(page, index)),
            frame.box(rect.left, rect.bottom, rect.right, rect.top),
            raw.FPDFText_GetCharAngle(page, index),
            inks.of(index),
        )


def _without_doubles(characters: Iterable[Character]) -> Iterator[Character]:
    """Yield the characters of all words but those that are equal to one before in its place."""
    seen: set[Any] = set()
    for word in _words(characters):
        lefts, tops, rights, bottoms = zip(*(it.box for it in word), strict=True)
        place = round(min(lefts)), round(min(tops)), round(max(rights)), round(max(bottoms))
        key = place, "".join([it.text for it in word]), word[0].angle, word[0].ink.font
        if key not in seen:
            seen.add(key)
            yield from word


def _words(characters: Iterable[Character]) -> Iterator[list[Character]]:
    """Yield runs of characters in one font and direction, up to a space or the end of a line."""
    word: list[Character] = []
    for it in characters:
        if word:
            last = word[-1]
            alike = it.ink is last.ink or it.ink.font == last.ink.font
            if not alike or it.angle != last.angle or last.text in _WORD_ENDS:
                yield word
                word = []
        word.append(it)
    if word:
        yield word


class _Inks:
    """The inks of a page's text objects, each asked once."""

    def __init__(self, text: Any) -> None:
        self._page = text.raw
        self._known: dict[int, Ink] = {}
        self._name = ctypes.create_string_buffer(_LONGEST_NAME)
        self._flags = ctypes.c_int()
        self._rgba = [ctypes.c_uint() for _ in range(4)]
        self._matrix = raw.FS_MATRIX()
        font = Font("", 0, 1.0, -1)
        self._last = Ink(font, face_of(font.name, font.weight, font.flags), 10.0, (0, 0, 0), False)
        self._made_up = self._last.font, self._last.face

    def of(self, index: int) -> Ink:
        """Return the ink of a character. One that pdfium inserted has the last ink, but no font."""
        handle = raw.FPDFText_GetTextObject(self._page, index)
        if not handle:
            font, face = self._made_up
            return self._last._replace(font=font, face=face)
        address = ctypes.addressof(handle.contents)
        ink = self._known.get(address)
        if ink is None:
            ink = self._known[address] = self._ask(handle, index)
        self._last = ink
        return ink

    def _ask(self, handle: Any, index: int) -> Ink:
        font = self._font(index)
        scale = 1.0
        if raw.FPDFText_GetMatrix(self._page, index, self._matrix):
            scale = math.hypot(self._matrix.c, self._matrix.d)
        red, green, blue, alpha = self._rgba
        raw.FPDFText_GetFillColor(self._page, index, red, green, blue, alpha)
        mode = raw.FPDFTextObj_GetTextRenderMode(handle)
        unseen = mode in (3, 7) or alpha.value == 0
        colour = (red.value, green.value, blue.value)
        # Outlined letters are visible by their stroke, whatever their fill color is.
        if mode in (1, 2, 5, 6):
            colour = (0, 0, 0)
        face = face_of(font.name, font.weight, font.flags)
        return Ink(font, face, abs(font.size * scale), colour, unseen)

    def _font(self, index: int) -> Font:
        page, name, flags = self._page, self._name, self._flags
        length = raw.FPDFText_GetFontInfo(page, index, name, _LONGEST_NAME, flags)
        if length > _LONGEST_NAME:
            name = ctypes.create_string_buffer(length)
            raw.FPDFText_GetFontInfo(page, index, name, length, flags)
        named = name.value.decode("utf-8", "replace") if length else ""
        size = raw.FPDFText_GetFontSize(page, index)
        weight = raw.FPDFText_GetFontWeight(page, index)
        return Font(named, flags.value if length else 0, size, weight)
