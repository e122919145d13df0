"""Ask pdfium what its characters are, where the text that it returns does not say."""

import ctypes
from collections.abc import Callable
from typing import Any

import pypdfium2.raw as raw

from fumehood_tools.reading.document import Box
from fumehood_tools.reading.pdf.fonts import Face
from fumehood_tools.reading.pdf.symbols import symbol


def shown(text: Any, index: int, char: str, face: Face) -> str:
    """Return what a glyph shows, where pdfium may give a code in the font instead of a letter.

    text: a pypdfium2 text page. pdfium marks such codes as errors of the mapping, except 0.
    """
    mapped = char != "\0" and raw.FPDFText_HasUnicodeMapError(text.raw, index) != 1
    return symbol(face.name, char, mapped)


def ink_heights(
    text: Any, index: int, box: Callable[[float, float, float, float], Box]
) -> tuple[float, float]:
    """Return the top and the bottom of what a glyph draws, whatever its font says of all glyphs.

    box: converts a box from PDF coordinates.
    """
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(text.raw, index, left, right, bottom, top)
    _, high, _, low = box(left.value, bottom.value, right.value, top.value)
    return high, low


def letters_of(text: Any, chars: Any) -> list[str]:
    """Return the characters, with surrogate pairs combined into one character.

    pdftext returns a replacement character for each half of a character outside the Basic
    Multilingual Plane. The first half becomes '', and the second the whole character.
    """
    letters: list[str] = list(chars.text)
    high = 0
    for place in (at for at, char in enumerate(letters) if char == "\ufffd"):
        code = raw.FPDFText_GetUnicode(text.raw, int(chars.char_indices[place]))
        if 0xD800 <= code < 0xDC00:
            high, letters[place] = code, ""
        elif 0xDC00 <= code < 0xE000 and high:
            letters[place] = chr(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00))
            high = 0
    return letters
