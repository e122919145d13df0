"""Make the text of a document searchable for quotations, and map hits back to their place.

A `Stream` is the squeezed text (see `normal_form.bare`) of consecutive passages, joined without
gaps, so that a quotation may run from one block into the next. A search is one `str.find`, which is
linear in the text and needs no index.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from fumehood_tools.paper_records.normal_form import bare, clean
from fumehood_tools.paper_records.numbers import DASHES
from fumehood_tools.reading.document import BlockKind, Document
from fumehood_tools.reading.outline import Chunk, Outline, Section, outline_of

PassageKind = BlockKind | Literal["title", "caption", "row", "latex", "reference", "hidden"]
HEADINGS: frozenset[PassageKind] = frozenset({"title", "heading"})
FLOATING: frozenset[PassageKind] = frozenset({"table", "caption", "row", "figure", "footnote"})
"""Kinds of passages that may interrupt a sentence of the running text."""

_MOST_SPANS = 50
_YEAR = re.compile(r"\b(?:19|20)\d\d[a-z]?\b|\barXiv\b", re.I)
_NUMBERED_MARK = re.compile(r"\s?\[([1-9]\d{0,3}(?:\s*[,;–-]\s*[1-9]\d{0,3})*)\]")
_NAMED_MARK = re.compile(
    r"\s?\([^()\d]{0,120}[^\W\d_][^()\d]{0,20}(?:19|20)\d\d[a-z]?[^()]{0,200}\)"
)


class Passage(NamedTuple):
    """One block, a part of a long block, or a row of a table: its text and where it is."""

    kind: PassageKind
    text: str
    section: str | None
    title: str | None
    chunk: str | None
    page: int | None
    block: int


class Span(NamedTuple):
    """Where a quotation was found: the first and last passage, and the words there."""

    first: int
    last: int
    text: str
    whole_words: str
    """The text, extended to whole words, so that a number at an edge is complete."""
    sign: str
    """The dash directly before it, or "". The squeezed form drops dashes, and this one may be a
    minus sign."""


class Stream:
    """Passages in reading order as one squeezed string."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = passages
        self._starts: list[int] = []
        parts: list[str] = []
        size = 0
        for passage in passages:
            self._starts.append(size)
            parts.append(bare(passage.text))
            size += len(parts[-1])
        self.squeezed = "".join(parts)

    def ends(self, needle: str, start: int = 0, stop: int | None = None) -> tuple[int, int] | None:
        """Return start and end of the first occurrence of needle between start and stop."""
        at = self.squeezed.find(needle, start, len(self.squeezed) if stop is None else stop)
        return None if at < 0 else (at, at + len(needle))

    def spans(self, needle: str) -> Iterator[Span]:
        """Yield the spans of a squeezed needle in order, at most 50."""
        start = 0
        for _ in range(_MOST_SPANS):
            if (found := self.ends(needle, start)) is None:
                return
            yield self.span(*found)
            start = found[0] + 1

    def span(self, start: int, end: int) -> Span:
        """Return the span between two positions of the squeezed string."""
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end - 1) - 1
        begin = _offset(self.passages[first].text, start - self._starts[first])
        stop = _offset(self.passages[last].text, end - 1 - self._starts[last]) + 1
        head, tail = self.passages[first].text, self.passages[last].text
        wide_begin = max(head.rfind(" ", 0, begin), head.rfind("\n", 0, begin)) + 1
        wide_stop = min((at for at in (tail.find(" ", stop), tail.find("\n", stop)) if at >= 0),
                        default=len(tail))  # fmt: skip
        return Span(
            first,
            last,
            self._between(first, begin, last, stop),
            self._between(first, wide_begin, last, wide_stop),
            head[begin - 1] if begin and head[begin - 1] in DASHES else "",
        )

    def sections(self) -> Iterator[tuple[int, int]]:
        """Yield start and end of every section in the squeezed string."""
        begin, name = 0, None
        for passage, start in zip(self.passages, self._starts, strict=True):
            if passage.section != name:
                if start > begin:
                    yield begin, start
                begin, name = start, passage.section
        yield begin, len(self.squeezed)

    def _between(self, first: int, begin: int, last: int, stop: int) -> str:
        if first == last:
            return self.passages[first].text[begin:stop]
        middle = [passage.text for passage in self.passages[first + 1 : last]]
        parts = [self.passages[first].text[begin:], *middle, self.passages[last].text[:stop]]
        return " ".join(parts)


class Texts(NamedTuple):
    """A document's passages, grouped by how far a quotation from them can be trusted."""

    body: list[Passage]
    latex: list[Passage]
    references: list[Passage]
    hidden: list[Passage]


def texts_of(document: Document) -> Texts:
    """Return all text of a document as clean passages."""
    body, references = list[Passage](), list[Passage]()
    for passage in printed(document):
        to = references if passage.kind == "reference" else body
        to.append(passage._replace(text=clean(passage.text)))
    references += [
        Passage("reference", clean(f"{one.label} {one.text}"), None, "References", None, None, -3)
        for one in document.references
    ]
    hidden = [
        Passage("hidden", clean(one.text), None, one.why, None, one.page, -4)
        for one in document.hidden
    ]
    return Texts(body, list(_latex(document, body)), references, hidden)


def printed(document: Document) -> Iterator[Passage]:
    """Yield the passages of a document in reading order, with their text unchanged."""
    entries = [bare(clean(one.text)) for one in document.references]
    for section, chunks in _by_section(outline_of(document)):
        first = chunks[0].id if chunks else None
        if section.level:
            text = " ".join(filter(None, (section.number, section.title)))
            yield Passage(
                "heading", text, section.id, section.title, first, section.page, section.start
            )
        elif document.title:
            yield Passage("title", document.title, "s0", section.title, first, None, -2)
        for chunk in chunks:
            for passage in _passages(document, section, chunk):
                listed = section.is_bibliography and _is_entry(passage.text, entries)
                yield passage._replace(kind="reference") if listed else passage


def _is_entry(text: str, entries: Sequence[str]) -> bool:
    """Return whether text below the heading of the references is an entry of the list.

    Text that follows the list, such as an appendix with a heading that was not recognized, is not:
    it matches none of the known entries. If no entries are known, text without a year is not.
    """
    if not entries:
        return bool(_YEAR.search(text))
    told = bare(clean(text))
    return any(entry in told or told in entry for entry in entries)


def flowing(passages: Sequence[Passage]) -> list[Passage]:
    """Return the passages of the running text, without tables, captions, figures and footnotes."""
    return [passage for passage in passages if passage.kind not in FLOATING]


def without_marks(passages: Sequence[Passage], references: int) -> list[Passage]:
    """Return the passages without citation marks: [3], [3, 4], (Fern et al., 2023)."""

    def drop(mark: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", mark[1])]
        return "" if max(numbers) <= references else mark[0]

    return [
        passage._replace(text=_NAMED_MARK.sub("", _NUMBERED_MARK.sub(drop, passage.text)))
        for passage in passages
    ]


def _by_section(outline: Outline) -> Iterator[tuple[Section, list[Chunk]]]:
    chunks: dict[str, list[Chunk]] = {}
    for chunk in outline.chunks:
        chunks.setdefault(chunk.section, []).append(chunk)
    for section in outline.sections:
        yield section, chunks.get(section.id, [])


def _passages(document: Document, section: Section, chunk: Chunk) -> Iterator[Passage]:
    ends = [start - 2 for start in chunk.starts[1:]] + [len(chunk.text)]
    for block, kind, start, end in zip(chunk.blocks, chunk.kinds, chunk.starts, ends, strict=True):
        page = document.blocks[block].page if block >= 0 else section.page
        text = chunk.text[start:end]
        lines = text.split("\n") if kind == "table" else [text]
        caption = kind == "table" and text.startswith("Table")
        for number, line in enumerate(lines):
            part: PassageKind = kind
            if kind == "table":
                part = "caption" if caption and number == 0 else "row"
            yield Passage(part, line, section.id, section.title, chunk.id, page, block)


def _latex(document: Document, body: Sequence[Passage]) -> Iterator[Passage]:
    for passage in body:
        block = document.blocks[passage.block] if passage.block >= 0 else None
        if block and block.kind == "equation" and block.latex and block.latex != block.text:
            yield passage._replace(kind="latex", text=clean(block.latex))


def _offset(text: str, squeezed: int) -> int:
    """Return the position in text of character number `squeezed` of its squeezed form."""
    seen = 0
    for place, letter in enumerate(text):
        seen += len(bare(letter))
        if seen > squeezed:
            return place
    return len(text)
