"""Split a bibliography into entries: by [1], by 1., by labels, or else by hanging indents.

Numbers must count up from 1, so that a year or page number at the start of a line does not begin
an entry.
"""

import re
from collections import Counter
from collections.abc import Sequence

from fumehood_tools.papers.identity import arxiv_id, doi
from fumehood_tools.reading.document import Link, Reference
from fumehood_tools.reading.pdf.lines import TextLine
from fumehood_tools.reading.pdf.text import Spelling, joined, text_of

_BRACKET = re.compile(r"\[(\d{1,4})\]\s*")
_POINT = re.compile(r"\(?(\d{1,4})[.)]\s+|(\d{1,4})\s+(?=[A-Z])")
_BARE = re.compile(r"(\d{1,4})\s+(?=\S)")
_LABEL = re.compile(r"\[([^\W\d_][^\[\]]{1,40})\]\s*")
_YEAR = re.compile(r"(?<![\d./:\u2013-])((?:19|20)\d{2})[a-z]?(?![\d/]|[\u2013-]\d)")
_YEAR_AFTER_NAMES = re.compile(r"\.\s((?:19|20)\d{2})[a-z]?\.\s")
_ANY_YEAR = re.compile(r"(?<!\d)((?:19|20)\d{2})(?!\d)")
_RUNS_ON = re.compile(
    r"[a-z(,;:&\d\u2013\u2014-]|https?:|www\.|URL\b|doi\b|pages\b|pp\.|ISBN|ISSN|In\s"
)
_YEAR_IN_PARENTHESES = re.compile(r"[(\[]((?:1[6-9]|20)\d{2})[a-z]?[)\],]")
_URL = re.compile(r"https?://[^\s<>\"'“”]+")
_ARXIV = re.compile(r"arxiv", re.I)
_NAMED_YEAR = re.compile(r"[^\W\d_].{3,200}?(?:\(|, |\. |\s)(?:19|20)\d{2}[a-z]?\b")


def references_of(
    lines: Sequence[TextLine], spelling: Spelling, links: Sequence[Link]
) -> list[Reference]:
    """Return the references of a bibliography, in order."""
    return [_reference(label, some, spelling, links) for label, some in entries_of(lines) if some]


def split_bibliography(lines: Sequence[TextLine]) -> tuple[list[TextLine], list[TextLine]]:
    """Return the lines of the references, and the lines of other text that follows them."""
    entries = entries_of(lines)
    if not entries:
        return list(lines), []
    count = len(entries)
    while count > 1 and not entries[count - 1][0] and not _is_dated(entries[count - 1][1]):
        count -= 1
    # Text without a year at the end is no reference if there is much of it or a gap above it.
    if len(entries) - count < 3:
        starts = range(count, len(entries))
        gaps = (at for at in starts if _is_gap(entries[at - 1][1][-1], entries[at][1][0]))
        count = next(gaps, len(entries))
    kept = _within(entries[count - 1][1])
    rest = entries[count - 1][1][len(kept) :] + [
        line for _, some in entries[count:] for line in some
    ]
    gone = set(map(id, rest))
    return [line for line in lines if id(line) not in gone], rest


def _within(lines: list[TextLine]) -> list[TextLine]:
    """Cut the last entry at a large gap, below which other text such as addresses begins."""
    for at in range(1, len(lines)):
        if _is_gap(lines[at - 1], lines[at]):
            return lines[:at]
    return lines


def _is_gap(before: TextLine, line: TextLine) -> bool:
    return before.column == line.column and line.base - before.base > 2.4 * line.size


def _is_dated(lines: Sequence[TextLine]) -> bool:
    text = " ".join(line.text for line in lines)
    return bool(_ANY_YEAR.search(text) or "://" in text or _ARXIV.search(text))


_Entries = list[tuple[str, list[TextLine]]]


def entries_of(lines: Sequence[TextLine]) -> _Entries:
    """Return the label ("" if none is printed) and the lines of each entry.

    The methods are tried from the most to the least reliable; the first that finds entries wins.
    """
    return _numbered(lines) or _labelled(lines) or _whole(_hanging(lines) or _spaced(lines))


def _whole(entries: _Entries) -> _Entries:
    """Return entries, with those joined to the one before that can only be a part of it.

    Such a part has no year, and begins like the middle of an entry: in lowercase, or with an
    address or pages.
    """
    whole: _Entries = []
    for label, lines in entries:
        part = bool(_RUNS_ON.match(lines[0].text))
        if whole and part and not any(_ANY_YEAR.search(line.text) for line in lines):
            whole[-1][1].extend(lines)
        else:
            whole.append((label, list(lines)))
    return whole


def _numbered(lines: Sequence[TextLine]) -> _Entries:
    """Return entries that begin with consecutive numbers, in the number style that finds more."""
    best: _Entries = []
    for pattern in (_BRACKET, _POINT):
        entries = _counted(lines, pattern)
        if len(entries) > max(1, len(best)) or (entries and not best and pattern is _BRACKET):
            best = entries
    bare = _counted(lines, _BARE)
    return bare if len(bare) > 3 * len(best) + 4 else best


def _counted(lines: Sequence[TextLine], pattern: re.Pattern[str]) -> _Entries:
    """Return the entries that begin with the numbers 1, 2, 3 and so on."""
    entries: _Entries = []
    for line in lines:
        match = pattern.match(line.text)
        digits = match and next(filter(None, match.groups()))
        if digits and int(digits) == len(entries) + 1:
            entries.append((f"[{digits}]", [line]))
        elif entries:
            entries[-1][1].append(line)
    return entries


def _labelled(lines: Sequence[TextLine]) -> _Entries:
    """Return entries that begin with a label in brackets, such as [Elhage22]."""
    entries: _Entries = []
    for line in lines:
        match = _LABEL.match(line.text)
        if match and line.indent < 1.5:
            entries.append((f"[{match[1]}]", [line]))
        elif entries:
            entries[-1][1].append(line)
    return entries if len(entries) > 1 and 4 * len(entries) > len(lines) / 2 else []


def _hanging(lines: Sequence[TextLine]) -> _Entries:
    """Return entries whose first line begins further left than their other lines."""
    edges = _edges(lines)
    out = [line.x0 - edges[line.page, line.column] < 0.45 * line.size for line in lines]
    hung = [not it for it in out].count(True)
    if not lines or hung < 0.2 * len(lines) or hung > 0.9 * len(lines):
        return []
    entries: _Entries = []
    for line, begins in zip(lines, out, strict=True):
        if begins or not entries:
            entries.append(("", [line]))
        else:
            entries[-1][1].append(line)
    return entries


def _edges(lines: Sequence[TextLine]) -> dict[tuple[int, int], float]:
    """Return the left edge of the entries, by page and column.

    A column that holds only the end of an entry begins at the indent of the other columns: its
    edge is further left.
    """
    edges: dict[tuple[int, int], float] = {}
    ends: dict[tuple[int, int], float] = {}
    for line in lines:
        key = line.page, line.column
        edges[key] = min(edges.get(key, line.x0), line.x0)
        ends[key] = max(ends.get(key, line.x0), line.x0)
    indents = Counter(round(line.x0 - edges[line.page, line.column]) for line in lines)
    hang = max((it for it in indents if it > 3), key=lambda it: indents[it], default=0)
    lefts = {(column, round(edge)) for (_, column), edge in edges.items()} if hang else set()
    for key, edge in edges.items():
        others = (round(edge) - hang + it for it in (-1, 0, 1))
        left = next((it for it in others if (key[1], it) in lefts), None)
        if left is not None and ends[key] - edge < 1.5:
            edges[key] = left
    return edges


def _spaced(lines: Sequence[TextLine]) -> _Entries:
    """Return entries separated by extra space, or by a short last line before a name and a year."""
    entries: _Entries = []
    for at, line in enumerate(lines):
        before = lines[at - 1] if at else None
        step = line.base - before.base if before else 0
        apart = before is not None and step > 1.32 * 1.2 * line.size
        ended = before is not None and before.text[-1:] == "."
        ahead = joined([it.text for it in lines[at : at + 3]])
        named = bool(_NAMED_YEAR.match(ahead)) and line.text[:1].isupper()
        if (
            before is None
            or apart
            or (ended and before.short > 2 and (named or line.text[:1].isupper()))
            or (ended and step < 0 and named)
        ):
            entries.append(("", [line]))
        else:
            entries[-1][1].append(line)
    return entries


def _reference(
    label: str, lines: Sequence[TextLine], spelling: Spelling, links: Sequence[Link]
) -> Reference:
    text = text_of(lines, spelling)
    for pattern in (_BRACKET, _LABEL) if label.startswith("[") else ():
        text = pattern.sub("", text, count=1) if pattern.match(text) else text
    match = _POINT.match(text) or _BARE.match(text)
    if match and f"[{next(filter(None, match.groups()))}]" == label:
        text = text[match.end() :]
    own = [link.url for link in links if any(_covers(link, line) for line in lines)]
    printed = [url.rstrip(".,;:)]}") for url in _URL.findall(text)]
    urls = own + printed
    named = " ".join([text, *urls])
    arxiv = arxiv_id(named[found.start() :]) if (found := _ARXIV.search(named)) else None
    identifier = doi(named)
    return Reference(
        label=label or _short_label(text),
        text=text,
        year=_year(text),
        arxiv=arxiv,
        doi=identifier,
        url=next(iter(urls), None),
    )


def _covers(link: Link, line: TextLine) -> bool:
    if link.box is None or link.page != line.page:
        return False
    left, top, right, bottom = link.box
    middle = line.base - 0.3 * line.size
    return top <= middle <= bottom and left < line.x1 and right > line.x0


def _year(text: str) -> int | None:
    bare = re.sub(r"https?://\S+|10\.\d{4,9}/\S+|\d{4}\.\d{4,5}", " ", text)
    found = (
        _YEAR_AFTER_NAMES.findall(bare)[:1]
        or _YEAR_IN_PARENTHESES.findall(bare)
        or _YEAR.findall(bare)[::-1]
        or _ANY_YEAR.findall(bare)[::-1]
    )
    return int(found[0]) if found else None


def _short_label(text: str) -> str:
    """Return a label for an entry without a printed one: the first name and the year."""
    name = re.search(r"[^\W\d_]{2,}(?:-[^\W\d_]+)*", text)
    year = _year(text)
    return f"{name[0] if name else ''} {year or ''}".strip() or text[:20]
