"""Find the lines that could be headings, with the number at their start.

A candidate looks unlike the running text, has a well-known name, matches a bookmark of the PDF, or
is a short, separate line with a number like 2.1. Which of them are headings is decided elsewhere.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.looks import Look, Style, look_of
from fumehood_tools.reading.pdf.numbering import (
    Number,
    number_at_start,
    squeezed,
    without_number,
)
from fumehood_tools.reading.pdf.run_ins import STATEMENT, begins_run_in, is_plain
from fumehood_tools.reading.pdf.text import text_of
from fumehood_tools.reading.pdf.words import BULLETS

_MOST_LETTERS = 150
_MOST_LINES = 4
KNOWN = re.compile(
    r"abstract|introduction|references|bibliography|works cited|literature cited|literature|"
    r"acknowledge?ments?|conclusions?|discussion|limitations?|appendix|appendices|related works?|"
    r"broader impacts?( statement)?|ethics statement|ethical considerations|future work|contents|"
    r"impact statement|reproducibility( statement)?|data availability|author contributions|"
    r"supplementary materials?|methods?|results|background|keywords|funding|declarations?|"
    r"conflicts? of interest|table of contents|materials and methods|index terms",
    re.I,
)


class Candidate(NamedTuple):
    """Lines that may be a heading.

    at: index of the first line. apart: extra space above it. loose: the number is a single letter
    with no more than a space after it, so it may be a word.
    """

    at: int
    lines: list[TextLine]
    number: Number | None
    title: str
    look: Look
    apart: bool
    loose: bool


def candidates_of(
    lines: Sequence[TextLine], style: Style, marked: dict[tuple[str, int], int]
) -> Iterator[Candidate]:
    """Yield runs of lines that could be headings, with their number split off."""
    skip = -1
    for at, line in enumerate(lines):
        if at <= skip:
            continue
        count = _marked_lines(lines, at, marked)
        if not count and not _is_term(lines, at, style):
            count = _alike_lines(lines, at, style)
        if not count:
            continue
        some = list(lines[at : at + count])
        whole = whole_of(some)
        number = number_at_start(whole)
        if number and number.length >= len(whole):
            number = None
        title = whole[number.length :] if number else whole
        if not re.search(r"[^\W\d_]{2}", title) or len(whole) > _MOST_LETTERS:
            continue
        skip = at + count - 1
        loose = number is not None and not _stands_off(line, number)
        apart = _is_apart(lines, at, style)
        yield Candidate(at, some, number, title, look_of(some[0]), apart, loose)


def _stands_off(line: TextLine, number: Number) -> bool:
    """Return whether a single letter is a number: it has a dot, or more than a space after it."""
    if len(number.printed) > 1 or number.printed.isdigit() or number.mark or number.word:
        return True
    words = line.words
    return len(words) < 2 or words[1].x0 - words[0].x1 > 0.5 * line.size


def _marked_lines(lines: Sequence[TextLine], at: int, marked: dict[tuple[str, int], int]) -> int:
    """Return how many lines from `at` together match the title of a bookmark, 0 for no match."""
    if not marked:
        return 0
    text = ""
    for count, line in enumerate(lines[at : at + _MOST_LINES], 1):
        text = f"{text} {line.text}".strip()
        if len(text) > _MOST_LETTERS:
            return 0
        for way in {text, without_number(text)}:
            if (squeezed(way), line.page) in marked and way[:1].upper() == way[:1]:
                return count
    return 0


def _alike_lines(lines: Sequence[TextLine], at: int, style: Style) -> int:
    """Return how many lines from `at` share a look that differs from the text, 0 for none."""
    line = lines[at]
    look = look_of(line)
    if _is_plainly_numbered(lines, at, style):
        return 1
    if not _is_unlike(line, look, style) or STATEMENT.match(line.text):
        return 0
    if begins_run_in(lines, at):
        return 0
    count = 1
    while at + count < len(lines):
        before, after = lines[at + count - 1], lines[at + count]
        step = after.base - before.base
        close = 0 < step < 1.55 * after.size and after.page == before.page
        if not close or not _is_alike(after, look, line) or _is_numbered(after):
            break
        centred = abs((before.x0 + before.x1) - (after.x0 + after.x1)) < 6
        if before.short > 9 and not centred and not before.text.endswith(":"):
            break
        count += 1
    return count if count <= _MOST_LINES else 0


def _is_alike(after: TextLine, look: Look, first: TextLine) -> bool:
    """Return whether a line can continue a heading. In small capitals, it may have no large one."""
    here = look_of(after)
    small = look.caps and here.caps and 0.7 * first.size < after.size < 0.9 * first.size
    return here == look or (small and here.bold == look.bold)


def _is_numbered(line: TextLine) -> bool:
    number = number_at_start(line.text)
    return number is not None and _stands_off(line, number)


def _is_plainly_numbered(lines: Sequence[TextLine], at: int, style: Style) -> bool:
    """Return whether a short, separate line in text size begins with a number like 2.1."""
    line = lines[at]
    if not any("." in word.text for word in line.words[:2]):
        return False
    number = number_at_start(line.text)
    if number is None or len(number.parts) < 2 or abs(line.size - style.size) > 0.3:
        return False
    title = line.text[number.length :]
    short = line.short > 2 and len(title.split()) <= 12 and title[-1:] not in ".,;:"
    return short and title[:1].isupper() and _is_apart(lines, at, style) and line.indent < 0.5


def _is_unlike(line: TextLine, look: Look, style: Style) -> bool:
    first, large = line.words[0], look.size > 1.06 * style.size
    number = first if len(line.words) > 1 and number_at_start(f"{first.text} x") else None
    marked = number is not None and first.face.bold and not first.face.mono
    if not (look.bold or look.italic or look.caps or large or marked):
        named = len(line.words) < 4 and KNOWN.fullmatch(line.text.strip(" .:"))
        return bool(named) and look.size > 0.94 * style.size and _is_placed(line)
    if line.text[-1:] in ",;" or len(line.cells(3.5)) > 1 or line.words[0].text in BULLETS:
        return False
    text = [word for word in line.words[1:] if word.size < 1.06 * style.size]
    if (look.bold or marked) and any(map(is_plain, text)):
        # Running text begins on the same line, so this may be a run-in heading.
        return False
    if line.share("math") >= 0.5 or look.size <= 0.8 * style.size:
        return False
    # Names of programs can make up a heading, but a line of a listing is no heading.
    numbered = number is not None and not number.face.mono and (large or marked)
    return line.share("mono") < 0.5 or numbered or look.size > 1.15 * style.size


def _is_term(lines: Sequence[TextLine], at: int, style: Style) -> bool:
    """Return whether a line is the term of a description list, with its text hanging below it."""
    line, below = lines[at], lines[at + 1 : at + 2]
    if not below or line.size > 1.06 * style.size or number_at_start(line.text):
        return False
    text = below[0]
    near = 0 < text.base - line.base < 1.6 * line.size and text.page == line.page
    hangs = text.x0 - line.x0 > 2.2 * line.size and line.indent < 0.5
    wordy = text.share("math") < 0.3 and text.words[0].text not in BULLETS
    known = KNOWN.fullmatch(line.text.strip(" .:"))
    return near and hangs and wordy and not known


def _is_placed(line: TextLine) -> bool:
    """Return whether a line begins at the left edge of its column, or is centered in it."""
    return line.indent < 0.5 or abs(line.indent - line.short) < 2


def _is_apart(lines: Sequence[TextLine], at: int, style: Style) -> bool:
    """Return whether a line has more space above it than usual, or is the first of its page."""
    if at == 0:
        return True
    before, line = lines[at - 1], lines[at]
    step = line.base - before.base
    if abs(step) < 0.3 * line.size and 0 <= line.x0 - before.x1 + 1 < 2 * line.size:
        # A formula can tear a line in two.
        return False
    return not (0 < step < 1.2 * max(style.pitch, 1.2 * line.size)) or before.page != line.page


def whole_of(lines: Sequence[TextLine]) -> str:
    """Return the text of a heading with its number."""
    return text_of(lines).rstrip(":")
