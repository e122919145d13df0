"""Find run-in headings: a bold or italic label, and the text after it on the same line.

A label ends with a punctuation mark, with a dash, or with a space that is wider than the others of
its line. It may go on in a second line.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.looks import Head, Style
from fumehood_tools.reading.pdf.numbering import Number, number_at_start, squeezed
from fumehood_tools.reading.pdf.text import joined, prose_of
from fumehood_tools.reading.pdf.words import BULLETS, Word

RUN_IN_LEVEL = 4
_MOST_WORDS = 12
_DASHES = "\u2014"
_ENDS = f".:?!{_DASHES}"
STATEMENT = re.compile(
    r"(theorem|lemma|proof|definition|remark|corollary|proposition|example|claim|assumption|"
    r"conjecture|fact|observation|hypothesis|case|step|keywords?|index terms|date|figure|table|"
    r"algorithm|question|answer|input|output|require|ensure|note)\b",
    re.I,
)


class _Label(NamedTuple):
    """A label at the start of a line: its words and those after it.

    skip: words before the label, such as its number. lines: how many lines it takes. run_in: how
    many words of the last of them belong to it.
    """

    words: list[Word]
    rest: list[Word]
    number: Number | None
    skip: int
    lines: int
    run_in: int


def run_in_heads(
    lines: Sequence[TextLine], style: Style, heads: Sequence[Head], marked: set[tuple[str, int]]
) -> Iterator[tuple[int, Head]]:
    """Yield (line index, heading) for the headings that share a line with the text after them.

    heads: the headings on lines of their own. marked: squeezed titles and pages of bookmarks. A
    single italic one without a number is not trusted; there must be at least two.
    """
    taken = {id(line) for head in heads for line in head.lines}
    sections = any(head.number and head.number.isdigit() for head in heads)
    found: list[tuple[int, Head, bool]] = []
    for at, line in enumerate(lines):
        if id(line) in taken or abs(line.size - style.size) > 1.2:
            continue
        if not _begins_paragraph(lines, at, style, taken):
            continue
        for test in ("bold", "italic"):
            head = _run_in(lines, at, test, marked)
            if head and not (sections and head.number and head.number.isdigit()):
                found.append((at, head, test == "bold"))
                break
    italics = sum(not bold for _, _, bold in found)
    for at, head, bold in found:
        numbered = head.number is not None
        if bold or numbered or italics > 1:
            yield at, head


def begins_run_in(lines: Sequence[TextLine], at: int) -> bool:
    """Return whether a line begins with a label that ends, with running text after it."""
    for test in ("bold", "italic"):
        label = _label(lines, at, test)
        if label and label.words[-1].text[-1:] in _ENDS and any(map(is_plain, label.rest)):
            return True
    return False


def _begins_paragraph(lines: Sequence[TextLine], at: int, style: Style, taken: set[int]) -> bool:
    """Return whether a line begins a paragraph, judged by spacing, indent and the line before."""
    if at == 0:
        return True
    before, line = lines[at - 1], lines[at]
    return (
        id(before) in taken
        or before.page != line.page
        or before.column != line.column
        or line.base - before.base > 1.12 * style.pitch
        or line.x0 > before.x0 + 0.6 * line.size
        or (before.short > 1.5 and before.text[-1:] in ".:!?)")
    )


def _label(lines: Sequence[TextLine], at: int, test: str) -> _Label | None:
    """Return the label in bold or italic that begins a line, or None.

    Only a label with a number like 2.1 is followed into a second line: emphasis can be long, too.
    """
    line = lines[at]
    if not any(getattr(word.face, test) for word in line.words[:2]):
        return None
    number = number_at_start(line.text)
    skip = 0
    if number and line.words[0].text.rstrip(".)") == number.printed and not _is_article(number):
        skip = 1
    elif test == "italic" and re.fullmatch(r"[a-z]\)", line.words[0].text):
        skip, number = 1, None
    else:
        number = None
    words = line.words[skip:]
    count = _leading(words, test)
    if not count:
        return None
    if count < len(words):
        return _Label(words[:count], words[count:], number, skip, 1, skip + count)
    after = lines[at + 1] if at + 1 < len(lines) else None
    if after is None or not number or len(number.parts) < 2 or not _is_next(line, after):
        return None
    more = _leading(after.words, test)
    if not 0 < more < len(after.words) or words[-1].text[-1:] in _ENDS:
        return None
    return _Label(words + after.words[:more], after.words[more:], number, skip, 2, more)


def _is_article(number: Number) -> bool:
    """Return whether a number is the letter of a word, as in "A second look."."""
    return number.printed in ("A", "I") and not number.mark and not number.word


def _is_next(line: TextLine, after: TextLine) -> bool:
    """Return whether a line is below another one that its first word did not fit into."""
    word = after.words[0]
    fits = line.x1 + 0.4 * line.size + word.x1 - word.x0 < line.right
    near = 0 < after.base - line.base < 1.6 * line.size and after.page == line.page
    return near and not fits and abs(after.size - line.size) < 0.5


def _leading(words: Sequence[Word], test: str) -> int:
    """Return how many words at the start are bold or italic."""
    count = 0
    while count < len(words) and getattr(words[count].face, test):
        count += 1
    return count


def _run_in(
    lines: Sequence[TextLine], at: int, test: str, marked: set[tuple[str, int]]
) -> Head | None:
    """Return the run-in heading that begins at a line, or None.

    test: "bold" or "italic", the face in which the heading must be set.
    """
    line = lines[at]
    _part_at_dash(line, test)
    it = _label(lines, at, test)
    if it is None or not _is_ended(it, line, test, marked):
        return None
    if len(it.words) > _MOST_WORDS * (2 if it.number else 1):
        return None
    number = it.number
    text = joined([prose_of(it.words)])
    if STATEMENT.match(text) or not re.search(r"[^\W\d_]{2}", text):
        return None
    if number is None and text[:1].islower() or line.words[0].text in BULLETS:
        return None
    if test == "italic" and it.rest[0].face.math:
        return None
    if test == "italic" and number and number.mark == "." and len(number.parts) < 2:
        return None
    if number and len(number.parts) < 2 and not getattr(line.words[0].face, test):
        # The bold words at the start of a numbered item.
        return None
    if test == "bold" and line.indent > 1.2 and (text[-1] == ":" or _hangs(lines, at)):
        # This is an item of a description list.
        return None
    level = len(number.parts) if number else RUN_IN_LEVEL
    if number and number.mark == ")":
        level = 3
    title = text.rstrip(f".:{_DASHES} ") or text
    some = list(lines[at : at + it.lines])
    return Head(level, number.printed if number else None, title, some, it.run_in)


def _is_ended(it: _Label, line: TextLine, test: str, marked: set[tuple[str, int]]) -> bool:
    """Return whether a label ends where its face ends, so that it is a heading."""
    text = prose_of(it.words)
    if text.endswith("et al."):
        return False
    if text[-1] in _ENDS or (squeezed(text), line.page) in marked:
        return True
    if it.lines > 1 or not (test == "bold" or it.number) or len(it.rest) < 3:
        return False
    gap = it.rest[0].x0 - it.words[-1].x1
    others = [after.x0 - before.x1 for before, after in pairwise([*it.words, *it.rest])]
    others.remove(gap)
    return gap > 0.75 * line.size and gap > 1.8 * max(others, default=0)


def _hangs(lines: Sequence[TextLine], at: int) -> bool:
    """Return whether the line below an indented one is indented as well, as in a list."""
    line, below = lines[at], lines[at + 1 : at + 2]
    return any(
        it.page == line.page
        and 0 < it.base - line.base < 1.6 * line.size
        and it.x0 > line.x0 - 0.3 * line.size
        for it in below
    )


def _part_at_dash(line: TextLine, test: str) -> None:
    """Split the word in which a label ends with a dash and the text begins, as in "Data.—We"."""
    for at, word in enumerate(line.words):
        head, dash, tail = word.text.partition(_DASHES)
        if head and tail:
            share = (len(head) + 1) / len(word.text)
            middle = word.x0 + share * (word.x1 - word.x0)
            plain = next((it.face for it in line.words[at + 1 :]), word.face)
            first = next((it.face for it in line.words[at - 1 : at]), word.face)
            if getattr(first, test) and not getattr(plain, test):
                left = replace(word, text=head + dash, x1=middle, face=first)
                right = replace(word, text=tail, x0=middle, face=plain, glued=True)
                line.words[at : at + 1] = [left, right]
            return
        if at and not getattr(word.face, test):
            return


def is_plain(word: Word) -> bool:
    """Return whether a word is set like running text, and long enough to tell."""
    face = word.face
    wordy = len(word.text) > 1 and word.text.isalpha() and not word.script
    return wordy and not (face.bold or face.math or face.mono or face.italic)
