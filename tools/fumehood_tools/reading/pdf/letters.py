"""Ask pdfium what its characters are, where the text that it returns does not say."""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import pypdfium2.raw as raw

from fumehood_tools.reading.document import Box
from fumehood_tools.reading.pdf.characters import Character
from fumehood_tools.reading.pdf.fonts import Face
from fumehood_tools.reading.pdf.symbols import UNKNOWN, symbol


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


def letters_of(text: Any, characters: Sequence[Character]) -> list[str]:
    """Return what the glyphs of a page show, "" for nothing.

    The first half of a character beyond U+FFFF becomes "", and the second the whole character.
    """
    letters: list[str] = []
    high = ""
    for at, char, _, _, ink in characters:
        face = ink.face
        if face.coded or not (" " <= char < "\x7f" or "\xae" <= char < "\ud800"):
            if "\ud800" <= char < "\udc00":
                high, char = char, ""
            elif "\udc00" <= char < "\ue000":
                high, char = "", _joined(high, char) if high else UNKNOWN
            char = char and _shown(text, at, char, face)
        letters.append(char)
    return letters


def _joined(high: str, low: str) -> str:
    """Return the character beyond U+FFFF whose halves are given."""
    return (high + low).encode("utf-16-le", "surrogatepass").decode("utf-16-le")
