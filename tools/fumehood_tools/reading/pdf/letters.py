"""Ask pdfium what its characters are, where the text that it returns does not say."""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import pypdfium2.raw as raw

from fumehood_tools.reading.document import Box
from fumehood_tools.reading.pdf.fonts import Face
from fumehood_tools.reading.pdf.symbols import symbol


def _shown(text: Any, index: int, char: str, face: Face) -> str:
    """Return what a glyph shows, where pdfium may give a code in the font instead of a letter.

    text: a pypdfium2 text page. pdfium marks such codes as errors of the mapping, except 0.
    """
    mapped = char != "\0" and raw.FPDFText_HasUnicodeMapError(text.raw, index) != 1
    return symbol(face.name, char, mapped)


def baseline_of(
    text: Any,
    index: int,
    char: str,
    face: Face,
    base: float,
    size: float,
    box: Callable[[float, float, float, float], Box],
) -> float:
    """Return the y coordinate of the baseline of the text line that a TeX glyph belongs to.

    The glyph's own baseline is not that of its line: TeX draws large brackets and sums below it,
    and centers them on the axis of the formula, which is a quarter of the font size above the
    baseline of the letters. A root sign of ordinary size is also drawn below its baseline. How far
    below depends slightly on the letters under it, so 0.82 of the font size is an approximation.
    `box` converts a box from PDF coordinates.
    """
    if not face.large:
        return base + 0.82 * size if char == "√" else base
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(text.raw, index, left, right, bottom, top)
    _, high, _, low = box(left.value, bottom.value, right.value, top.value)
    middle = (high + low) / 2
    return middle + 0.25 * size if middle > base else base


def letters_of(text: Any, chars: Any, faces: Sequence[Face]) -> list[str]:
    """Return what the glyphs of a page show, "" for nothing.

    chars: pdftext's characters. faces: the look of each of its fonts. pdftext returns a replacement
    character for each half of a character outside the Basic Multilingual Plane: the first half
    becomes "", and the second the whole character.
    """
    letters: list[str] = list(chars.text)
    indices, fonts = chars.char_indices.tolist(), chars.font_ids.tolist()
    high = 0
    for place in (at for at, char in enumerate(letters) if char == "\ufffd"):
        code = raw.FPDFText_GetUnicode(text.raw, indices[place])
        if 0xD800 <= code < 0xDC00:
            high, letters[place] = code, ""
        elif 0xDC00 <= code < 0xE000 and high:
            letters[place] = chr(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00))
            high = 0
    for place, char in enumerate(letters):
        face = faces[fonts[place]]
        if char and (face.coded or not (" " <= char < "\x7f" or "\xae" <= char < "\ud800")):
            letters[place] = _shown(text, indices[place], char, face)
    return letters
