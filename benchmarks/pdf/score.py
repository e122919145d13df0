"""Score how well a reader has read a paper: pure functions from its output and the truth to counts.

`score` takes a Document, `score_text` plain text. Each metric is a `Share`, hits out of a total, so
that papers can be added up. README.md explains every metric. Text is compared without regard to
case, spaces, punctuation and ligatures (`squeeze`). Cells of tables keep their punctuation
(`cell`), since a number without its sign or decimal point is wrong. Nothing here reads a file.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, groupby, product
from typing import Literal, NamedTuple, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, Field

from fumehood_tools.reading.document import Block, Document, Reference

T = TypeVar("T")
NEUTRAL = {"abstract", "references", "bibliography", "contents", "keywords", "indexterms", ""}
DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "\u00a0": " ", "\u00ad": None})
URL = re.compile(r"https?://[^\s<>\"']+")

METRICS = (
    *("title", "authors", "abstract", "heads", "heads=", "numbers", "levels", "runin"),
    *("prose", "words", "order", "rows", "rows=", "refs", "refs=", "links", "links="),
    *("captions", "equations", "absent"),
)


class Heading(BaseModel, frozen=True):
    """A heading as printed; a run-in heading shares its line with the text that follows."""

    level: int
    number: str | None = None
    text: str
    run_in: bool = False


class Sentence(BaseModel, frozen=True):
    """A sentence of prose without formulas, citations or markup."""

    text: str
    abstract: bool = False


class Row(BaseModel, frozen=True):
    """The nonempty cells of a row. A reader may return a spanning cell in any of its rows."""

    cells: list[str]
    spanning: list[int] = Field(default_factory=list, description="positions in cells")


class Entry(BaseModel, frozen=True):
    """One entry of the bibliography, identified by words that occur in no other entry."""

    year: int
    text: str


class Address(BaseModel, frozen=True):
    """A link, and whether it is an annotation in the PDF or only text."""

    url: str
    kind: Literal["annotation", "text"]


class Caption(BaseModel, frozen=True):
    """The caption of a figure or a table, without its label."""

    kind: Literal["figure", "table"]
    number: str
    text: str


class Truth(BaseModel, frozen=True):
    """What a perfect reader would find in one paper."""

    title: str
    authors: list[str]
    headings: list[Heading]
    sentences: list[Sentence]
    tables: list[list[Row]]
    references: list[Entry]
    links: list[Address]
    captions: list[Caption]
    equations: list[str] = Field(description="printed numbers of the numbered ones")
    absent: list[str] = Field(description="text of the source that is not printed")
    pages: int


class Share(NamedTuple):
    """A number of hits out of a total."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        return self.hits / self.of if self.of else None


class Score:
    """The share of each metric, and the missed or invented items as text."""

    def __init__(self) -> None:
        self.shares = dict.fromkeys(METRICS, Share(0, 0))
        self.misses: dict[str, list[str]] = {name: [] for name in METRICS}

    def count(self, metric: str, hits: int, missed: Sequence[object]) -> None:
        """Add a number of hits and the missed items to a metric."""
        before = self.shares[metric]
        self.shares[metric] = Share(before.hits + hits, before.of + hits + len(missed))
        self.misses[metric] += [_said(item) for item in missed]

    def look_for(self, metric: str, wanted: Sequence[T], found: Callable[[T], bool]) -> None:
        """Test each wanted item with `found`, in order, and count hits and misses."""
        missed = [item for item in wanted if not found(item)]
        self.count(metric, len(wanted) - len(missed), missed)


def _said(item: object) -> str:
    if isinstance(item, Heading | Block):
        return f"{item.number or '-'} {item.text}"
    if isinstance(item, Row):
        return " | ".join(item.cells)
    return str(getattr(item, "text", getattr(item, "url", item)))


def squeeze(text: str) -> str:
    """Return the letters and digits of a text in lower case, NFKC-normalized (no ligatures)."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def plain(text: str) -> str:
    """Return a text with spaces, quotes, dashes and ligatures normalized; the rest is kept."""
    text = unicodedata.normalize("NFKC", text.translate(QUOTES)).translate(DASHES)
    return " ".join(text.split())


def cell(text: str) -> str:
    """Return a table cell with punctuation, but without spaces, case and dash variants."""
    return "".join(unicodedata.normalize("NFKC", text).translate(DASHES).casefold().split())


def score(document: Document, truth: Truth) -> Score:
    """Score a document. A metric for which the paper has no items has a total of 0."""
    result = Score()
    stream = " ".join([document.title, document.abstract, *(b.text for b in document.blocks)])
    _score_prose(stream, truth, result)
    title, authors = squeeze(document.title), squeeze(" ".join(document.authors))
    result.look_for("title", [truth.title], lambda text: squeeze(text) == title)
    result.look_for("authors", truth.authors, lambda name: squeeze(name) in authors)
    abstract, whole = squeeze(document.abstract), squeeze(stream)
    opening = [sentence.text for sentence in truth.sentences if sentence.abstract]
    result.look_for("abstract", opening, lambda text: squeeze(text) in abstract)
    printed = {block.number for block in document.blocks if block.kind == "equation"}
    result.look_for("equations", truth.equations, lambda number: number in printed)
    result.look_for("absent", truth.absent, lambda text: squeeze(text) not in whole)
    for part in (_score_headings, _score_captions, _score_rows, _score_references):
        part(document, truth, result)
    _score_links([link.url for link in document.links], truth, result)
    return result


def score_text(
    text: str,
    truth: Truth,
    tables: Sequence[Sequence[str]] = (),
    links: Sequence[str] = (),
) -> Score:
    """Score plain text. A heading or table row counts if a line contains it and nothing else.

    tables: rows that the reader returns beside the text; a row counts in either. links: addresses
    that it returns; others are found in the text with a pattern. References are all missed, since
    nothing separates them. Metrics that plain text cannot have (title, levels, captions, precision
    ...) have a total of 0.
    """
    result = Score()
    _score_prose(text, truth, result)
    lines = {squeeze(line) for line in text.splitlines()}
    heads = [heading for heading in truth.headings if _counts(heading)]
    result.look_for("heads", heads, lambda h: not _ways_to_print(h).isdisjoint(lines))
    printed = {cell(line) for line in text.splitlines()}
    given = {_row(row) for row in tables}
    rows = [row for table in truth.tables for row in table]
    result.look_for(
        "rows",
        rows,
        lambda r: any("".join(way) in printed or way in given for way in _variants(r)),
    )
    result.count("refs", 0, truth.references)
    found = [url.rstrip(".,;:)]}") for url in URL.findall(text)]
    _score_links([*links, *found], truth, result)
    return result


def _score_prose(stream: str, truth: Truth, result: Score) -> None:
    tight, loose = squeeze(stream), plain(stream)
    places = {sentence.text: tight.find(squeeze(sentence.text)) for sentence in truth.sentences}
    result.look_for("prose", truth.sentences, lambda s: places[s.text] >= 0)
    result.look_for("words", truth.sentences, lambda s: plain(s.text) in loose)
    pairs = list(combinations([place for place in places.values() if place >= 0], 2))
    # Kendall's tau as a share that can be added over papers: pairs in order minus pairs out of
    # order, out of all pairs.
    result.shares["order"] = Share(sum(1 if a < b else -1 for a, b in pairs), len(pairs))


def _counts(heading: Heading) -> bool:
    return not heading.run_in and squeeze(heading.text) not in NEUTRAL


def _ways_to_print(heading: Heading) -> set[str]:
    return {squeeze(heading.text), squeeze(f"{heading.number or ''} {heading.text}")}


def _score_headings(document: Document, truth: Truth, result: Score) -> None:
    left = [block for block in document.blocks if block.kind == "heading"]
    for heading in truth.headings:
        name = squeeze(heading.text)
        match = next((block for block in left if squeeze(block.text) == name), None)
        if match:
            left.remove(match)
        missed = [] if match else [heading]
        if heading.run_in:
            result.count("runin", 1 - len(missed), missed)
        elif _counts(heading):
            result.count("heads", 1 - len(missed), missed)
            if match:
                result.count("heads=", 1, [])
                _compare(result, "numbers", heading, heading.number, match.number)
                _compare(result, "levels", heading, heading.level, match.level)
    neutral = NEUTRAL | {squeeze(truth.title)}
    result.count("heads=", 0, [block for block in left if squeeze(block.text) not in neutral])


def _compare(result: Score, metric: str, item: object, wanted: object, given: object) -> None:
    right = wanted == given
    result.count(metric, int(right), [] if right else [f"{_said(item)}: {given}, not {wanted}"])


def _score_captions(document: Document, truth: Truth, result: Score) -> None:
    given = {
        (block.kind, squeeze(block.text)): block
        for block in document.blocks
        if block.kind in ("figure", "table")
    }
    for caption in truth.captions:
        match = given.get((caption.kind, squeeze(caption.text)))
        result.count("captions", int(match is not None), [] if match else [caption])
        if match:
            _compare(result, "numbers", caption, caption.number, match.number)


def _variants(row: Row) -> Iterator[tuple[str, ...]]:
    """Yield the accepted forms of a row: with and without each of its spanning cells."""
    kept = [(True, False) if place in row.spanning else (True,) for place in range(len(row.cells))]
    for keep in product(*kept):
        yield _row([text for text, here in zip(row.cells, keep, strict=True) if here])


def _row(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the nonempty cells. In a row without digits, repeated adjacent cells count once."""
    filled = [text for text in map(cell, cells) if text]
    if any(char.isdigit() for text in filled for char in text):
        return tuple(filled)
    return tuple(text for text, _ in groupby(filled))


def _score_rows(document: Document, truth: Truth, result: Score) -> None:
    rows = [_row(row) for block in document.blocks if block.kind == "table" for row in block.rows]
    left = Counter(row for row in rows if row)
    known: set[tuple[str, ...]] = set()

    def take(wanted: Row) -> bool:
        match = next((way for way in _variants(wanted) if left[way] > 0), None)
        if match:
            left[match] -= 1
            known.add(match)
        return match is not None

    result.look_for("rows", [row for table in truth.tables for row in table], take)
    # The header of a long table is printed again on each page, so a repeated row is correct.
    made_up = [" | ".join(row) for row in left.elements() if row not in known]
    result.count("rows=", result.shares["rows"].hits, made_up)


def _score_references(document: Document, truth: Truth, result: Score) -> None:
    years = {squeeze(entry.text): entry.year for entry in truth.references}
    prose = [squeeze(sentence.text) for sentence in truth.sentences]
    right: set[str] = set()
    made_up = []
    for given in document.references:
        text = squeeze(given.text)
        inside = [name for name in years if name in text]
        alone = len(inside) == 1 and not any(sentence in text for sentence in prose)
        if alone and inside[0] not in right and _dated(given, years[inside[0]]):
            right.add(inside[0])
        else:
            made_up.append(given)
    result.look_for("refs", truth.references, lambda entry: squeeze(entry.text) in right)
    result.count("refs=", len(right), made_up)


def _dated(given: Reference, year: int) -> bool:
    return given.year == year or (given.year is None and str(year) in given.text)


def _score_links(urls: Iterable[str], truth: Truth, result: Score) -> None:
    given = {unquote(url) for url in urls if url.startswith(("http://", "https://"))}
    wanted = {unquote(link.url) for link in truth.links}
    result.look_for("links", truth.links, lambda link: unquote(link.url) in given)
    result.count("links=", len(given & wanted), sorted(given - wanted))
