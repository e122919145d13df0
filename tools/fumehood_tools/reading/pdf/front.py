"""Find the title, authors and abstract among the lines of the first page."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise, takewhile
from typing import NamedTuple

from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.looks import Head, Style, look_of
from fumehood_tools.reading.pdf.text import joined, prose_of
from fumehood_tools.reading.pdf.words import Word

_ABSTRACT = re.compile(
    r"(abstract|a b s t r a c t|summary|zusammenfassung)\b\s*[.:\u2013\u2014-]*\s*", re.I
)
_ALONE = re.compile(r"\W*(abstract|a b s t r a c t)\W*", re.I)
_AFTER_ABSTRACT = re.compile(
    r"(key\s?words|index terms|ccs concepts|categories|acm reference|introduction|pacs|msc|"
    r"jel|mathematics subject|contents\b|\d{4} mathematics|unified astronomy|general terms|"
    r"subject (headings|areas|class)|additional key|received:?\s|nomenclature)", re.I
)  # fmt: skip
_NO_NAME = re.compile(
    r"@|https?:|www\.|\d{4}|universi|institut|depart|school|labor|\blabs?\b|centre|center|college|"
    r"\bgroup\b|\binc\b|corp|research|academy|faculty|company|gmbh|\bltd\b|street|\bdate|review|"
    r"submitted|preprint|technical report|contribut|correspond|abstract|conference|workshop|"
    r"proceedings|journal|program|foundation|hospital|technolog|science|theory|under |copyright|"
    r"\bai\b|google|deepmind|openai|anthropic|microsoft|nvidia|amazon|alibaba|tencent|huawei|"
    r"bytedance|baidu|samsung|hugging ?face|eleuther|\binria\b|\bcnrs\b|\bmeta\b|\bteam\b|"
    r"ministry|council|agency|observatory|engineering|computing|informatics|mathematics|"
    r"statistics|physics|polytechni|politecni|hochschule|united (kingdom|states)|"
    r"new (york|zealand)|hong kong|san francisco|los angeles|south korea|independent|"
    r"\bavenue\b|\broad\b",
    re.I,
)
_NO_TITLE = re.compile(
    r"anonymous|under review|submission|submitted|preprint|draft\b|version|technical report|"
    r"accepted|published|to appear|\d{4}$|by\b", re.I
)  # fmt: skip
_PARTICLES = "de da do dos di du del della van von der den la le el al bin ibn zu y e ter ten"
_PARTICLE = frozenset(_PARTICLES.split())
_FIRST = re.compile(r"introduction|background|overview|contents|motivation", re.I)
_SPLIT = re.compile(r"\s*(?:,|;|·|•|\band\b|&|\bund\b)\s*|\s{3,}", re.I)
_NAME_GAP, _WIDE_GAP = 0.75, 1.2
_LATEST_ABSTRACT, _MOST_ABSTRACT = 8, 120


class Front(NamedTuple):
    """The front of a paper. matter: the lines with names, addresses and dates."""

    title: str
    authors: list[str]
    title_lines: list[TextLine]
    matter: list[TextLine]
    abstract: list[TextLine]

    @property
    def lines(self) -> list[TextLine]:
        """All lines that belong to the front."""
        return [*self.title_lines, *self.matter, *self.abstract]


def front_of(lines: Sequence[TextLine], heads: Sequence[Head], style: Style) -> Front:
    """Return the front of a paper, from the lines of its first page in reading order."""
    title = _title_lines(lines, style)
    if not title:
        return Front("", [], [], [], _abstract(lines, heads, len(lines))[1])
    start = lines.index(title[-1]) + 1
    names = {id(line) for line in title}
    body = _body_start(lines, heads, names, start)
    # Prose without the word "abstract" is an abstract only if a section follows it.
    end, abstract = _abstract(lines[:body], heads, start if body < len(lines) else body)
    matter = [line for line in lines[:end] if id(line) not in names]
    authors = _authors([line for line in matter if lines.index(line) >= start])
    return Front(joined([prose_of(it.words) for it in title]), authors, title, matter, abstract)


def with_later_abstract(front: Front, lines: Sequence[TextLine], heads: Sequence[Head]) -> Front:
    """Return a front whose abstract goes on over the first page, or begins on a later one.

    lines: those of all pages. A title page, as of a thesis, is followed by its abstract.
    """
    if not lines:
        return front
    stops = {id(head.lines[0]) for head in heads if not _ABSTRACT.match(head.text)}
    first = lines[0].page
    if front.abstract:
        end, last = front.abstract[-1], [line for line in lines if line.page == first][-1]
        at_foot = (end.base, end.column) == (last.base, last.column) and end.page == first
        if not at_foot or end.text[-1:] in ".!?":
            return front
        begin = next((at for at, line in enumerate(lines) if line.page > first), len(lines))
        return front._replace(abstract=[*front.abstract, *_run(lines, begin, stops)])
    near = (at for at, line in enumerate(lines) if line.page <= first + _LATEST_ABSTRACT)
    at = next((at for at in near if _ALONE.fullmatch(lines[at].text)), None)
    if at is None:
        return front
    matter = [*front.matter, lines[at]]
    return front._replace(matter=matter, abstract=_run(lines, at + 1, stops))


def _run(lines: Sequence[TextLine], begin: int, stops: set[int]) -> list[TextLine]:
    """Return the lines of an abstract: up to a heading, keywords, or a limit."""
    end = begin
    while (
        end < min(len(lines), begin + _MOST_ABSTRACT)
        and id(lines[end]) not in stops
        and not _AFTER_ABSTRACT.match(lines[end].text)
    ):
        end += 1
    return list(lines[begin:end])


def _title_lines(lines: Sequence[TextLine], style: Style) -> list[TextLine]:
    """Return the lines of the title: the largest ones in the upper part of the page.

    If no line is larger than the text, the first bold or capitalized lines are taken.
    """
    upper = [line for line in lines[:40] if len(line.text) > 2]
    if not upper:
        return []
    sizes = {id(line): _most_size(line) for line in upper}
    largest = max(sizes.values())
    if largest > 1.12 * style.size:
        first = next(at for at, line in enumerate(upper) if sizes[id(line)] > 0.96 * largest)
        same = list(takewhile(lambda line: sizes[id(line)] > 0.93 * largest, upper[first:]))[:6]
        rest = upper[first + len(same) :]
        return same + _second_title(same[-1], rest, style)
    for at, line in enumerate(upper[:8]):
        look = look_of(line)
        if (look.bold or look.caps) and len(line.words) > 1 and not _ABSTRACT.match(line.text):
            end = at + 1
            while end < len(upper) and look_of(upper[end]) == look:
                end += 1
            return upper[at : min(end, at + 6)]
    return []


def _most_size(line: TextLine) -> float:
    """Return the font size of most letters of a line, which one large initial does not change."""
    sizes: Counter[float] = Counter()
    for word in line.words:
        sizes[word.size] += len(word.text)
    return sizes.most_common(1)[0][0]


def _second_title(last: TextLine, rest: Sequence[TextLine], style: Style) -> list[TextLine]:
    """Return the lines that continue a title in a smaller size: they are close to it and no names.

    They must be larger than the text, and in the title's bold face unless its colon announces them.
    """
    found: list[TextLine] = []
    for line in rest[:3]:
        before = found[-1] if found else last
        close = 0 < line.base - before.base < 1.75 * before.size and line.page == last.page
        alike = abs(line.size - found[0].size) < 0.3 if found else True
        announced = last.text.rstrip()[-1:] in ":\u2013\u2014-"
        bold = line.share("bold") > 0.9 and last.share("bold") > 0.9
        if not (close and alike and (announced or bold) and line.size > 1.08 * style.size):
            break
        if _NO_TITLE.search(line.text) or _NO_NAME.search(line.text) and not announced:
            break
        if not announced and any(_names(cell) for cell in line.cells(_NAME_GAP)):
            break
        found.append(line)
    return found


def _body_start(
    lines: Sequence[TextLine], heads: Sequence[Head], title: set[int], start: int
) -> int:
    """Return the index of the first line after the front, which is usually a section heading."""
    where = {id(line): at for at, line in enumerate(lines)}
    for head in heads:
        at = where.get(id(head.lines[0]))
        if at is None or at < start or id(head.lines[0]) in title:
            continue
        first = head.number or _FIRST.fullmatch(head.text)
        alone = not head.run_in and _after_prose(lines, start, at)
        if (first or alone) and not _ABSTRACT.match(head.text):
            return at
    title_page = sum(_is_prose(line) for line in lines[start:]) < 3
    named = any(_ABSTRACT.match(line.text) for line in lines)
    return len(lines) if title_page or named else start


def _after_prose(lines: Sequence[TextLine], start: int, at: int) -> bool:
    return sum(_is_prose(line) for line in lines[start:at]) >= 2


def _is_prose(line: TextLine) -> bool:
    lower = sum(word.text[:1].islower() for word in line.words)
    return len(line.words) >= 6 and lower >= 0.5 * len(line.words)


def _abstract(
    lines: Sequence[TextLine], heads: Sequence[Head], start: int
) -> tuple[int, list[TextLine]]:
    """Return the index at which the front matter ends, and the lines of the abstract.

    The abstract follows the word "abstract". Without that word, it is the first prose of the
    front.
    """
    stops = {id(head.lines[0]) for head in heads if not _ABSTRACT.match(head.text)}
    for at, line in enumerate(lines):
        match = _ABSTRACT.match(line.text)
        if match and _is_name(line, match):
            if match.end() >= len(line.text):
                return at + 1, _run(lines, at + 1, stops)
            return at, [_without(line, match.end()), *_run(lines, at + 1, stops)]
    prose = [at for at in range(start, len(lines)) if _is_prose(lines[at])]
    if len(prose) < 2 or prose[0] + 1 not in prose:
        return len(lines), []
    return prose[0], _run(lines, prose[0], stops)


def _is_name(line: TextLine, match: re.Match[str]) -> bool:
    if match.end() >= len(line.text):
        return True
    first, mark = line.words[0], match[0].strip()[-1:]
    look = first.face
    return look.bold or look.caps or look.italic or mark in ".:\u2013\u2014" or first.text.isupper()


def _without(line: TextLine, count: int) -> TextLine:
    """Return a copy of a line without its first `count` characters."""
    words, left = [], count
    for word in line.words:
        if left >= len(word.text):
            left -= len(word.text) + 1
            continue
        if left > 0:
            word = Word(word.text[left:], word.x0, word.x1, word.base, word.size, word.face)
            left = 0
        words.append(word)
    copy = TextLine(words or line.words, line.page, line.base, line.size, line.column)
    copy.left, copy.right = line.left, line.right
    return copy


def _authors(lines: Sequence[TextLine]) -> list[str]:
    """Return the cells that look like names, from the top. Text below a name is its address.

    A row of addresses ends where there is more space than between its lines: further names follow.
    """
    names: list[str] = []
    address: list[tuple[float, float, float]] = []
    steps = [
        after.base - line.base for line, after in pairwise(lines) if after.base > line.base + 2
    ]
    pitch = min(steps, default=0.0)
    lowest = 0.0
    for line in lines:
        if lowest and line.base - lowest > 1.3 * pitch:
            address.clear()
        lowest = max(lowest, line.base)
        cells = line.cells(_NAME_GAP)
        if not any(map(_names, cells)):
            cells = line.cells(_WIDE_GAP)
        for cell in cells:
            x0, x1 = cell[0].x0, cell[-1].x1
            if any(x0 < right and x1 > left and 0 < line.base - base < 60
                   for left, right, base in address):  # fmt: skip
                continue
            found = [] if _is_marked_address(cell, names) else _names(cell)
            names += [name for name in found if name not in names]
            if not found and names:
                address.append((x0, x1, line.base))
    return names


def _is_marked_address(cell: Sequence[Word], names: Sequence[str]) -> bool:
    """Return whether a cell begins with the raised mark that refers to it from the names."""
    return bool(names) and cell[0].script == "super" and len(cell) > 1


def _names(cell: Sequence[Word]) -> list[str]:
    """Return the names in a cell, or an empty list if at least half of its parts are not names.

    Names in capitals may be followed by an address that is not.
    """
    text = " ".join(
        word.text if not word.glued else f"\0{word.text}" for word in cell if word.script != "super"
    ).replace(" \0", "").replace("\0", "")  # fmt: skip
    text = re.sub(r"\([^)]*\)|[\d*\u2217\u2020\u2021\u00a7\u00b6#]+|\S+@\S+", " ", text)
    parts = [" ".join(part.split()) for part in _SPLIT.split(text)]
    parts = [part for part in parts if part]
    if parts and parts[0].isupper() and not text.isupper():
        parts = [part for part in parts if part.isupper() and len(part) > 3]
        text = " ".join(parts)
    if _NO_NAME.search(text) and not re.match(r"anonymous", text, re.I):
        return []
    good = [part for part in parts if _is_person(part)]
    return good if len(good) > 0.5 * len(parts) else []


def _is_person(text: str) -> bool:
    words = text.split()
    caseless = not any(char.lower() != char.upper() for char in text)
    if not (1 if caseless else 2) <= len(words) <= 6 or len(text) > 50:
        return False
    return all(_opens_name(word) or word.lower() in _PARTICLE for word in words)


def _opens_name(word: str) -> bool:
    first = word.lstrip("'’\"“(-")[:1]
    return first.isalpha() and first == first.upper()
