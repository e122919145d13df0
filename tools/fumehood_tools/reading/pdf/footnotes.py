"""Find the footnotes of a page, and the notices that stand at its foot without a mark.

They are taken out before the lines are joined, so that a sentence that goes on over the page is not
torn by them.
"""

import re
from collections.abc import Sequence
from itertools import pairwise, takewhile

from fumehood_tools.reading.pdf.floats import CAPTION
from fumehood_tools.reading.pdf.flow import Piece
from fumehood_tools.reading.pdf.lines import WIDE, TextLine
from fumehood_tools.reading.pdf.looks import Style
from fumehood_tools.reading.pdf.text import is_note
from fumehood_tools.reading.pdf.words import Word

_NOTE_MARK = re.compile(r"[*\u2217\u2020\u2021\u00a7\u00b6\u2225#]{1,3}\s?[^\W_]")
_FIRST_REFERENCE = re.compile(r"\[1\]\s+\S")
_NOTICE = re.compile(
    r"\W*(preprint|submitted|under review|permission to|copyright|\(c\)|\u00a9|correspond|equal\b|"
    r"these authors|this work|work (was )?done|accepted|to appear|appeared|published|proceedings|"
    r"received|manuscript|e-?mail|arxiv:|contact|licen[sc]ed?|all rights|authors?[\u2019']|"
    r"the authors?|\d+(st|nd|rd|th) |\*|project page|code:)", re.I
)  # fmt: skip


def take_footnotes(lines: list[TextLine], rules: Sequence[tuple[float, float, float]], style: Style
) -> list[Piece]:  # fmt: skip
    """Remove the footnotes and notices of one page from `lines`, and return them in order.

    rules: horizontal rules of the page as (left, y, right), in points.
    """
    found: list[Piece] = []
    taken: set[int] = set()
    narrow = max((line.base for line in lines if line.column != WIDE), default=0.0)
    for column in {line.column for line in lines}:
        mine = sorted((line for line in lines if line.column == column), key=lambda it: it.base)
        start = _footnote_start(mine, rules, style)
        for line in takewhile(lambda it: not _FIRST_REFERENCE.match(it.text), mine[start:]):
            if column == WIDE and line.base < narrow:
                # Text over both columns is at the foot only if it is below both of them.
                continue
            marked = _is_marked(line)
            if marked or not found or found[-1].lines[-1].column != column:
                found.append(Piece("footnote"))
            found[-1].lines.append(line)
            taken.add(id(line))
    lines[:] = [line for line in lines if id(line) not in taken]
    for note in found:
        _tell_mark(note.lines[0].words[0], lines)
    return found


def _tell_mark(mark: Word, lines: Sequence[TextLine]) -> None:
    """Tell the mark of a footnote from an exponent where it follows a number.

    A number with a mark looks like a power. It is a mark if no other one refers to the footnote.
    """
    if mark.script != "super" or not mark.text.isdigit():
        return
    pairs = [(before, word) for line in lines for before, word in pairwise(line.words)]
    same = [(it, word) for it, word in pairs if word.script == "super" and word.text == mark.text]
    powers = [(it, word) for it, word in same if word.glued and it.text[-1:].isdigit()]
    if len(powers) == 1 and not any(is_note(word, before) for before, word in same):
        powers[0][1].script = "note"


def _is_marked(line: TextLine) -> bool:
    """Return whether a line begins with the mark of a footnote."""
    raised = line.words[0].script == "super" and len(line.words) > 1
    return raised or bool(_NOTE_MARK.match(line.text))


def _footnote_start(
    lines: Sequence[TextLine], rules: Sequence[tuple[float, float, float]], style: Style
) -> int:
    """Return the index of the first footnote line in a column, or its length if there is none.

    Footnotes are the small lines at the foot, from a short rule or a mark onward. A notice, such
    as that of a conference on the first page, has neither: it is set apart from the text.
    """
    low = len(lines)
    while low and lines[low - 1].size < 0.95 * style.size:
        low -= 1
    if 0 < low < len(lines) and _is_notice(lines[low:], lines[low - 1], style):
        return low
    for at in range(low, len(lines)):
        line = lines[at]
        ruled = any(
            0 < line.base - y < 2.2 * line.size
            and abs(x0 - line.left) < 6
            and x1 - x0 < 0.55 * (line.right - line.left)
            for x0, y, x1 in rules
        )
        if ruled or _is_marked(line):
            return at
    return len(lines)


def _is_notice(lines: Sequence[TextLine], before: TextLine, style: Style) -> bool:
    """Return whether small lines at the foot are a notice: they say so, or are prose on page 1."""
    apart = lines[0].base - before.base > 1.35 * style.pitch
    if not apart or any(CAPTION.match(line.text) for line in lines):
        return False
    if _NOTICE.match(lines[0].text):
        return True
    wordy = sum(word.text.isalpha() for word in lines[0].words) >= 6
    whole = all(len(line.cells(1.5)) == 1 for line in lines)
    return lines[0].page == 1 and wordy and whole and not _is_marked(lines[0])
