"""Find headings by their look, their numbers, the bookmarks of the PDF and well-known names.

The evidence, strongest first: bookmarks that match text on their page; numbers that form a
consistent outline; well-known section names; lines that look like headings found in these ways. A
heading that shares its line with the text after it (a run-in heading) is recognized too.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.looks import Bookmark, Head, Look, Style, look_of
from fumehood_tools.reading.pdf.numbering import Number, NumberedOutline, number_at_start
from fumehood_tools.reading.pdf.text import joined, prose_of
from fumehood_tools.reading.pdf.words import BULLETS, Word

RUN_IN_LEVEL = 4
_MOST_LETTERS = 150
_MOST_LINES = 4
_KNOWN = re.compile(
    r"abstract|introduction|references|bibliography|works cited|literature cited|literature|"
    r"acknowledge?ments?|conclusions?|discussion|limitations?|appendix|appendices|related works?|"
    r"broader impacts?( statement)?|ethics statement|ethical considerations|future work|contents|"
    r"impact statement|reproducibility( statement)?|data availability|author contributions|"
    r"supplementary materials?|methods?|results|background|keywords|funding|declarations?|"
    r"conflicts? of interest|table of contents|materials and methods|index terms",
    re.I,
)
_STATEMENT = re.compile(
    r"(theorem|lemma|proof|definition|remark|corollary|proposition|example|claim|assumption|"
    r"conjecture|fact|observation|hypothesis|case|step|keywords?|index terms|date|figure|table|"
    r"algorithm|question|answer|input|output|require|ensure|note)\b",
    re.I,
)


class _Candidate(NamedTuple):
    """Lines that may be a heading. at: index of the first line. apart: extra space above it."""

    at: int
    lines: list[TextLine]
    number: Number | None
    title: str
    look: Look
    apart: bool


def find_heads(
    lines: Sequence[TextLine], style: Style, bookmarks: Sequence[Bookmark]
) -> list[Head]:
    """Return the headings among the lines of a paper, in order.

    Numbered candidates are decided first: their looks then give levels to unnumbered headings.
    """
    # A bookmark may point to the page before or after its heading.
    marked = {(_squeeze(_bare(it.title)), page): it.level for it in bookmarks for page in
              (it.page - 1, it.page, it.page + 1)}  # fmt: skip
    candidates = list(_candidates(lines, style, marked))
    outline = NumberedOutline()
    heads: dict[int, Head] = {}
    levels: dict[Look, int] = {}
    for it in candidates:
        level = outline.level(it.number) if it.number and _is_titled(it, style) else None
        if level:
            heads[it.at] = _head(it, level)
            levels.setdefault(it.look, level)
    if not levels and not marked:
        levels |= _families(candidates)
    for it in candidates:
        if it.at in heads:
            continue
        level = marked.get((_squeeze(it.title), it.lines[0].page)) or _unnumbered_level(
            it, style, levels
        )
        if level:
            heads[it.at] = _head(it, level)
    taken = {id(line) for head in heads.values() for line in head.lines}
    heads.update(_run_ins(lines, style, taken, marked))
    if not levels and not marked:
        _rank([heads[it.at] for it in candidates if it.at in heads])
    return [heads[at] for at in sorted(heads)]


def _families(candidates: Sequence[_Candidate]) -> dict[Look, int]:
    """Return levels for looks that several short, separate lines share, if nothing is numbered.

    Lines in capitals at text size are level 1, and italics below them level 2, as is common in
    psychology journals.
    """
    shared = Counter(
        it.look
        for it in candidates
        if it.apart and not it.number and len(it.title.split()) <= 8 and it.title[-1] not in ".,;:"
    )
    caps = [look for look, count in shared.items() if look.caps and count >= 3]
    italics = [
        look for look, count in shared.items() if look.italic and count >= 2 and not look.caps
    ]
    return dict.fromkeys(caps, 1) | dict.fromkeys(italics if caps else [], 2)


def _rank(heads: Sequence[Head]) -> None:
    """Set the levels of headings without numbers by size. A single largest one is the title."""
    sizes = Counter(look_of(head.lines[-1]).size for head in heads)
    order = sorted(sizes, reverse=True)
    if len(order) > 1 and sizes[order[0]] == 1:
        order = order[1:]
    for head in heads:
        size = look_of(head.lines[-1]).size
        head.level = min(RUN_IN_LEVEL, order.index(size) + 1) if size in order else 1


def _head(it: _Candidate, level: int) -> Head:
    number = it.number.printed if it.number else None
    return Head(level, number, it.title if number else _whole(it.lines), it.lines)


def _whole(lines: Sequence[TextLine]) -> str:
    return joined([prose_of(line.words) for line in lines]).rstrip(":")


def _candidates(
    lines: Sequence[TextLine], style: Style, marked: dict[tuple[str, int], int]
) -> Iterator[_Candidate]:
    """Yield runs of lines that could be headings, with their number split off."""
    skip = -1
    for at, line in enumerate(lines):
        if at <= skip:
            continue
        count = _marked_lines(lines, at, marked) or _alike_lines(lines, at, style)
        if not count:
            continue
        some = list(lines[at : at + count])
        whole = _whole(some)
        number = number_at_start(whole)
        if number and (number.length >= len(whole) or not _stands_off(line, number)):
            number = None
        title = whole[number.length :] if number else whole
        if not re.search(r"[^\W\d_]{2}", title) or len(whole) > _MOST_LETTERS:
            continue
        skip = at + count - 1
        yield _Candidate(at, some, number, title, look_of(some[-1]), _is_apart(lines, at, style))


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
        for way in {text, _bare(text)}:
            if (_squeeze(way), line.page) in marked and way[:1].upper() == way[:1]:
                return count
    return 0


def _alike_lines(lines: Sequence[TextLine], at: int, style: Style) -> int:
    """Return how many lines from `at` share a look that differs from the text, 0 for none."""
    line = lines[at]
    look = look_of(line)
    if _is_plainly_numbered(lines, at, style):
        return 1
    if not _is_unlike(line, look, style) or _STATEMENT.match(line.text):
        return 0
    count = 1
    while at + count < len(lines):
        before, after = lines[at + count - 1], lines[at + count]
        step = after.base - before.base
        close = 0 < step < 1.55 * after.size and after.page == before.page
        if not close or look_of(after) != look or number_at_start(after.text) is not None:
            break
        centred = abs((before.x0 + before.x1) - (after.x0 + after.x1)) < 6
        if before.short > 9 and not centred and not before.text.endswith(":"):
            break
        count += 1
    return count if count <= _MOST_LINES else 0


def _is_plainly_numbered(lines: Sequence[TextLine], at: int, style: Style) -> bool:
    """Return whether a short, separate line in text size begins with a number like 2.1."""
    line = lines[at]
    number = number_at_start(line.text)
    if number is None or len(number.parts) < 2 or abs(line.size - style.size) > 0.3:
        return False
    title = line.text[number.length :]
    short = line.short > 2 and len(title.split()) <= 12 and title[-1:] not in ".,;:"
    return short and title[:1].isupper() and _is_apart(lines, at, style) and line.indent < 0.5


def _is_unlike(line: TextLine, look: Look, style: Style) -> bool:
    if not (look.bold or look.italic or look.caps or look.size > 1.06 * style.size):
        return bool(_KNOWN.fullmatch(line.text.strip(" .:")) and len(line.words) < 4)
    if line.text[-1:] in ",;" or len(line.cells(3.5)) > 1 or line.words[0].text in BULLETS:
        return False
    if look.bold and any(_is_plain(word) for word in line.words[1:]):
        # Running text begins on the same line, so this may be a run-in heading.
        return False
    return line.share("math") < 0.5 and line.share("mono") < 0.5 and look.size > 0.8 * style.size


def _is_plain(word: Word) -> bool:
    face = word.face
    wordy = len(word.text) > 1 and word.text.isalpha() and not word.script
    return wordy and not (face.bold or face.math or face.mono or face.italic)


def _is_apart(lines: Sequence[TextLine], at: int, style: Style) -> bool:
    """Return whether a line has more space above it than usual, or is the first of its page."""
    if at == 0:
        return True
    before, line = lines[at - 1], lines[at]
    step = line.base - before.base
    return not (0 < step < 1.2 * max(style.pitch, 1.2 * line.size)) or before.page != line.page


def _is_titled(it: _Candidate, style: Style) -> bool:
    """Return whether a numbered candidate looks like a heading rather than a list item."""
    first = it.title.lstrip("\"“‘'(")[:1]
    if first.islower() or it.title[-1:] in ",;" or len(it.title.split()) > 22:
        return False
    if it.look.italic and not it.look.bold and it.number and it.number.mark == ")":
        return False
    ends = it.title[-1:] == "." and len(it.title.split()) > 12
    return not ends


def _unnumbered_level(it: _Candidate, style: Style, levels: dict[Look, int]) -> int | None:
    """Return the level of a candidate by its name or its look, or None if it is not a heading."""
    words = it.title.split()
    whole = _whole(it.lines)
    first = whole.lstrip("\"“‘'(")[:1]
    if _KNOWN.fullmatch(whole.strip(" .:")):
        return levels.get(it.look, 1) if it.apart or it.look.bold else None
    if it.number and it.number.schemes == ("arabic",):
        return None
    if len(words) > 14 or first.islower() or not it.apart or whole[-1:] in ".,;":
        return None
    if it.look in levels:
        return levels[it.look]
    if it.look.italic and not it.look.bold and it.look.size < 1.06 * style.size:
        return None
    if it.look.caps and not (it.look.bold or it.look.size > 1.06 * style.size) and levels:
        return None
    bigger = [level for look, level in levels.items() if look.size >= it.look.size]
    if not levels:
        return 1 if it.look.size > 1.06 * style.size or it.look.bold else None
    return min(RUN_IN_LEVEL, max(bigger, default=0) + (0 if not bigger else 1)) or 1


def _run_ins(
    lines: Sequence[TextLine], style: Style, taken: set[int], marked: dict[tuple[str, int], int]
) -> Iterator[tuple[int, Head]]:
    """Yield (line index, heading) for the headings that share a line with the text after them.

    A single italic one without a number is not trusted; there must be at least two.
    """
    found: list[tuple[int, Head, bool]] = []
    for at, line in enumerate(lines):
        if id(line) in taken or abs(line.size - style.size) > 1.2:
            continue
        if not _begins_paragraph(lines, at, style, taken):
            continue
        for test in ("bold", "italic"):
            head = _run_in(line, test, marked)
            if head:
                found.append((at, head, test == "bold"))
                break
    italics = sum(not bold for _, _, bold in found)
    for at, head, bold in found:
        numbered = head.number is not None
        if bold or numbered or italics > 1:
            yield at, head


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


def _run_in(line: TextLine, test: str, marked: dict[tuple[str, int], int]) -> Head | None:
    """Return the run-in heading that begins a line, or None.

    test: "bold" or "italic", the face in which the heading must be set.
    """
    number = number_at_start(line.text)
    skip = 0
    if number and line.words[0].text.rstrip(".)") == number.printed:
        skip = 1
    elif test == "italic" and re.fullmatch(r"[a-z]\)", line.words[0].text):
        skip, number = 1, None
    else:
        number = None
    words = line.words[skip:]
    count = 0
    while count < len(words) and getattr(words[count].face, test):
        count += 1
    rest = words[count:]
    label = prose_of(words[:count])
    if not count or not rest or count > 12 or _STATEMENT.match(label):
        return None
    if number is None and label[:1].islower() or not re.search(r"[^\W\d_]{2}", label):
        return None
    if test == "italic" and rest[0].face.math:
        return None
    if test == "italic" and number and number.mark == "." and len(number.parts) < 2:
        return None
    known = (_squeeze(label), line.page) in marked
    if (
        label[-1] not in ".:?!"
        and not known
        or label.endswith("et al.")
        or line.words[0].text in BULLETS
    ):
        return None
    if test == "bold" and label[-1] == ":" and line.indent > 1.2:
        # This is an item of a description list.
        return None
    level = len(number.parts) if number else RUN_IN_LEVEL
    if number and number.mark == ")":
        level = 3
    title = label.rstrip(".:") or label
    return Head(level, number.printed if number else None, title, [line], skip + count)


def _bare(title: str) -> str:
    number = number_at_start(title)
    return title[number.length :] if number and len(title) > number.length else title


def _squeeze(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
