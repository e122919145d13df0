"""Read the contents of a PDF page: words, rules, pictures and hidden text.

Imported in child processes only.
"""

import ctypes
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from fumehood_tools.reading.document import Box, HiddenText
from fumehood_tools.reading.pdf.characters import Colour, Ink, characters_of
from fumehood_tools.reading.pdf.clips import Clipper, within
from fumehood_tools.reading.pdf.frames import Frame
from fumehood_tools.reading.pdf.glyphs import Glyph
from fumehood_tools.reading.pdf.letters import baseline_of, letters_of
from fumehood_tools.reading.pdf.words import Word, words_of

MOST_OBJECTS = 20_000
MOST_CHARACTERS = 200_000
TINY = 2.0
Why = Literal["white", "tiny", "off-page", "invisible", "covered"]
_WHITE = 247
_LEAST_GROUND = 30.0
_SEEN: tuple[Why, str] = ("covered", "")


SAMPLE = 300
"""Number of characters sampled per page to find the direction of the text."""


class Paint(NamedTuple):
    """A filled shape or a picture (colour None). Paints are kept in drawing order."""

    box: Box
    colour: Colour | None


class Mark(NamedTuple):
    """A shape that is not a rule. ground: it is filled and has no outline, like a colored cell."""

    box: Box
    ground: bool


class TurnedLetter(NamedTuple):
    """A letter that is not upright: a part of the turned head of a table, or of a label."""

    text: str
    box: Box


@dataclass(slots=True)
class Page:
    """One page. number counts from 1; rules are horizontal lines as (left, y, right) in points."""

    number: int
    width: float
    height: float
    words: list[Word] = field(default_factory=list)
    rules: list[tuple[float, float, float]] = field(default_factory=list)
    pictures: list[Box] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    hidden: list[HiddenText] = field(default_factory=list)
    dashes: list[Box] = field(default_factory=list)
    turned: list[TurnedLetter] = field(default_factory=list)
    images: int = 0
    recognised: bool = False


def page_of(pdf_page: Any, number: int) -> Page:
    """Return the contents of one page. Raises pypdfium2.PdfiumError."""
    text = pdf_page.get_textpage()
    try:
        frame = Frame.of(pdf_page, _turn(text, pdf_page.get_rotation()))
        width, height = frame.shown
        page = Page(number, width, height)
        paints = _shapes(pdf_page, frame, page)
        # A scan is a picture that covers most of the page, often with OCR text under it.
        area = 0.6 * width * height
        scan = any((x1 - x0) * (y1 - y0) > area for x0, y0, x1, y1 in page.pictures)
        glyphs = list(_glyphs(text, frame, paints, page, scan=scan))
    finally:
        text.close()
    page.words = words_of(_with_underscores(glyphs, page))
    return page


def _turn(text: Any, rotation: int) -> int:
    """Return the rotation in degrees that makes most of the text upright.

    Wide tables are often set sideways on a separate page.
    """
    count = text.count_chars()
    step = max(1, count // SAMPLE)
    angles = [raw.FPDFText_GetCharAngle(text.raw, index) for index in range(0, count, step)]
    across = [math.sin(angle + math.radians(rotation)) for angle in angles if angle >= 0]
    up = sum(sine < -0.9 for sine in across)
    down = sum(sine > 0.9 for sine in across)
    if max(up, down) <= 0.6 * len(across):
        return 0
    return 90 if up > down else 270


def _with_underscores(glyphs: Iterable[Glyph], page: Page) -> Iterator[Glyph]:
    """Yield glyphs, with underscores that TeX draws as short rules turned into characters."""
    used: set[Box] = set()
    rows: dict[int, list[Box]] = defaultdict(list)
    for box in page.dashes:
        rows[round(box[1] / 4)].append(box)
    last: Glyph | None = None
    for glyph in glyphs:
        if last and rows and not last.face.math and (drawn := _dash_after(last, rows)):
            last = last._replace(text="_", x0=drawn[0], x1=drawn[2])
            used.add(drawn)
            yield last
            if glyph.text.isspace():
                continue
        yield glyph
        last = None if glyph.text.isspace() else glyph
    page.marks = [mark for mark in page.marks if mark.box not in used]


def _dash_after(glyph: Glyph, rows: dict[int, list[Box]]) -> Box | None:
    row = round(glyph.base / 4)
    for box in (box for near in (row - 1, row, row + 1) for box in rows.get(near, ())):
        low = -0.15 * glyph.size < box[1] - glyph.base < 0.25 * glyph.size
        if low and -0.1 * glyph.size < box[0] - glyph.x1 < 0.12 * glyph.size:
            return box
    return None


def _glyphs(
    text: Any, frame: Frame, paints: list[Paint], page: Page, *, scan: bool
) -> Iterator[Glyph]:
    """Yield the visible glyphs, and record the other text in page.hidden.

    scan: the page is covered by a picture, so invisible text may be its OCR and is then kept.
    """
    if text.count_chars() > MOST_CHARACTERS:
        raise pdfium.PdfiumError(f"page {page.number} holds over {MOST_CHARACTERS} characters")
    characters = characters_of(text, frame)
    unseen: list[tuple[Why, str]] = []
    x, y = ctypes.c_double(), ctypes.c_double()
    scan = scan and sum(it.ink.unseen for it in characters) > 0.9 * len(characters)
    turned = math.pi / 2 if frame.rotation % 180 else 0.0
    for it, char in zip(characters, letters_of(text, characters), strict=True):
        if not char:
            continue
        ink = it.ink
        if scan and ink.unseen and not char.isspace():
            page.recognised, ink = True, ink._replace(unseen=False, colour=(0, 0, 0))
        if _is_left_out(char, it.box, ink, it.angle - turned, unseen, paints, page):
            continue
        face = ink.face
        if face.strokes:
            # LaTeX's picture environment draws with fonts whose letters are line segments.
            page.marks.append(Mark(it.box, ground=False))
            continue
        raw.FPDFText_GetCharOrigin(text.raw, it.at, x, y)
        base = frame.point(x.value, y.value)[1]
        if face.coded:
            base = baseline_of(text, it.at, char, face, base, ink.size, frame.box)
        yield Glyph(char, it.box[0], it.box[2], base, ink.size, face)
    page.hidden += _runs(unseen, page.number)


def _is_left_out(
    char: str,
    box: Box,
    ink: Ink,
    tilt: float,
    unseen: list[tuple[Why, str]],
    paints: list[Paint],
    page: Page,
) -> bool:
    """Return whether a character is not upright or cannot be seen; record it in the second case.

    tilt: the angle between the character and the line. Spaces are never left out.
    """
    hides = bool(unseen) and unseen[-1][1] != ""
    if char.isspace():
        if hides:
            unseen.append((unseen[-1][0], " "))
        return False
    if why := _why_hidden(box, ink, paints, page):
        unseen.append((why, char))
        return True
    if hides:
        unseen.append(_SEEN)
    if tilt and abs(math.sin(tilt)) > 0.1:
        page.turned.append(TurnedLetter(char, box))
        return True
    return False


def _why_hidden(box: Box, ink: Ink, paints: list[Paint], page: Page) -> Why | None:
    """Return why a character cannot be seen, or None if it is visible.

    A character is "white" if its color is close to that of the topmost paint behind it. Text over
    a picture counts as visible, because the colors of the picture are not known.
    """
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    if not (-2 <= x <= page.width + 2 and -2 <= y <= page.height + 2):
        return "off-page"
    if ink.unseen:
        return "invisible"
    if ink.size < TINY:
        return "tiny"
    if ink.colour == (0, 0, 0) or (min(ink.colour) < _WHITE and not paints):
        return None
    behind: Colour | None = (255, 255, 255)
    for paint in paints:
        left, top, right, bottom = paint.box
        if left <= x <= right and top <= y <= bottom:
            behind = paint.colour
    if behind is None:
        return None
    near = max(abs(one - other) for one, other in zip(ink.colour, behind, strict=True))
    return "white" if near < 256 - _WHITE else None


def _runs(unseen: list[tuple[Why, str]], page: int) -> list[HiddenText]:
    """Join consecutive characters that are hidden for the same reason into hidden texts."""
    found: list[HiddenText] = []
    text, last = "", None
    for why, char in [*unseen, _SEEN]:
        if (not char or why != last) and text.strip() and last:
            found.append(HiddenText(text=" ".join(text.split()), page=page, why=last))
        text = (text if why == last and char else "") + char
        last = why if char else None
    return found


def _shapes(pdf_page: Any, frame: Frame, page: Page) -> list[Paint]:
    """Record the rules, pictures and marks of a page; return its paints in drawing order."""
    paints: list[Paint] = []
    clipper = Clipper(MOST_OBJECTS)
    sheet = (0.0, 0.0, page.width, page.height)
    total = raw.FPDFPage_CountObjects(pdf_page.raw)
    for index in range(min(total, MOST_OBJECTS)):
        handle = raw.FPDFPage_GetObject(pdf_page.raw, index)
        kind = raw.FPDFPageObj_GetType(handle)
        if kind == raw.FPDF_PAGEOBJ_TEXT:
            continue
        seen = clipper.visible(handle)
        box = within(frame.box(*seen), sheet) if seen else None
        if box is None:
            continue
        if kind == raw.FPDF_PAGEOBJ_PATH:
            _path(handle, box, page, paints)
        else:
            page.images += kind == raw.FPDF_PAGEOBJ_IMAGE
            if box[2] - box[0] > 15 and box[3] - box[1] > 15:
                page.pictures.append(box)
            paints.append(Paint(box, None))
    return paints


def _path(handle: Any, box: Box, page: Page, paints: list[Paint]) -> None:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(handle, fill, stroke)
    if not (fill.value or stroke.value):
        return
    if height < 3 and width > 12:
        page.rules.append((left, (top + bottom) / 2, right))
        return
    if height < 1 and width > 2:
        page.dashes.append(box)
    if fill.value:
        rgba = [ctypes.c_uint() for _ in range(4)]
        raw.FPDFPageObj_GetFillColor(handle, *rgba)
        red, green, blue, alpha = (part.value for part in rgba)
        if alpha > 25 and width * height > _LEAST_GROUND:
            paints.append(Paint(box, (red, green, blue)))
    if width < 0.9 * page.width and height < 0.9 * page.height:
        page.marks.append(Mark(box, bool(fill.value and not stroke.value)))
