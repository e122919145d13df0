"""Find a quotation in a document, allowing only the changes that PDF extraction or copying makes.

Accepted: the same letters and digits in the same order. Spaces, line ends, hyphens, ligatures,
quotation marks, dashes and invisible characters are ignored, and differences in case are noted.
Citation marks may be omitted. An ellipsis (…) stands for omitted words; its parts must follow each
other within one section.
Flagged: at least 95 % similar, and no number, negation or content word differs.
Refused, with the reason: everything else, and also a quotation that is only a heading, or that is
found only in the list of references or in hidden text.
Not covered: whether the statement follows from the quotation. The reader must judge that.

The search tries, in this order: the text as it is, the running text without tables and figures,
both without citation marks, and the LaTeX of equations. See `QuoteFinder._streams`.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from fumehood_tools.paper_records.nearest import ALIKE, Nearest, NearestPassage
from fumehood_tools.paper_records.normal_form import (
    bare,
    clean,
    foreign_letters,
    has_invisible,
    negations,
    same_case,
    same_sense,
)
from fumehood_tools.paper_records.numbers import DASHES
from fumehood_tools.paper_records.passages import (
    HEADINGS,
    Passage,
    Span,
    Stream,
    flowing,
    texts_of,
    without_marks,
)
from fumehood_tools.paper_records.record import LONGEST_QUOTE, SHORTEST_QUOTE, Status
from fumehood_tools.reading.document import Document

_ELLIPSIS = re.compile(r"\s*(?:\[\s*\.{3,}\s*\]|\(\s*\.{3,}\s*\)|\.{3,})\s*")
_SHORTEST_PART = 10
_MOST_TRIES = 50
_NEAR = 400
_MOST_SHOWN = 320
_WORTH_COMPARING = 60.0


class QuoteMatch(NamedTuple):
    """The result of the search for one quotation."""

    status: Status
    reason: str
    passage: Passage | None = None
    text: str = ""
    """The paper's words."""
    evidence: str = ""
    """The paper's words, extended to whole words and numbers at both ends."""


class _Hint(NamedTuple):
    """The section and page that the caller gave for the quotation."""

    section: str | None
    page: int | None

    def fits(self, passage: Passage) -> bool:
        """Return whether a passage is in this section and on this page."""
        return (not self.section or self._names(passage)) and (
            not self.page or passage.page is None or passage.page == self.page
        )

    def _names(self, passage: Passage) -> bool:
        wanted = bare(self.section or "")
        section, title = bare(passage.section or ""), bare(passage.title or "")
        return wanted in (section, section.removeprefix("s"), title, section[1:] + title)


class QuoteFinder:
    """Finds quotations in one document. Built once, used for any number of them."""

    def __init__(self, document: Document) -> None:
        self._texts = texts_of(document)
        self._references = len(document.references)
        self.body = Stream(self._texts.body)

    def find(self, quote: str, section: str | None = None, page: int | None = None) -> QuoteMatch:
        """Return where a quotation was found, or why it is refused.

        section and page are hints: they choose between several occurrences, and a note says if
        the quotation is elsewhere.
        """
        plain = " ".join(clean(quote).split())
        if reason := _trivial(plain):
            return QuoteMatch("refused", reason)
        hint = _Hint(section, page)
        found = self._verbatim(plain, hint) or self._in_parts(plain) or self._elsewhere(plain)
        found = found or self._nearest(plain)
        notes = [found.reason] if found.reason else []
        if found.status != "refused" and found.passage:
            if has_invisible(quote):
                notes.append("Invisible characters in the quote were ignored.")
            if not hint.fits(found.passage):
                notes.append("The quote is not where the hint says.")
        return found._replace(reason=" ".join(notes))

    def _streams(self) -> Iterator[Stream]:
        yield self.body
        yield self._flow
        yield from self._bare
        yield self._latex

    @cached_property
    def _flow(self) -> Stream:
        return Stream(flowing(self._texts.body))

    @cached_property
    def _bare(self) -> tuple[Stream, Stream]:
        bare = without_marks(self._texts.body, self._references)
        return Stream(bare), Stream(flowing(bare))

    @cached_property
    def _latex(self) -> Stream:
        return Stream(self._texts.latex)

    @cached_property
    def _nearest_passage(self) -> NearestPassage:
        return NearestPassage(self._texts.body)

    def _verbatim(self, plain: str, hint: _Hint) -> QuoteMatch | None:
        needle = bare(plain)
        refused: QuoteMatch | None = None
        for stream in self._streams():
            good = list[Span]()
            for span in stream.spans(needle):
                passage = stream.passages[span.first]
                told = f"{span.sign}{span.text}" if plain[0] in DASHES else span.text
                if reason := same_sense(plain, told):
                    refused = refused or _misquoted(reason, passage, span.text)
                elif all(
                    one.kind in HEADINGS for one in stream.passages[span.first : span.last + 1]
                ):
                    refused = QuoteMatch(
                        "refused",
                        f"The quote is only a heading: “{passage.text}”. Quote the text below it.",
                        passage,
                    )
                else:
                    good.append(span)
                    if hint.fits(passage):
                        break
            if good:
                fitting = [span for span in good if hint.fits(stream.passages[span.first])]
                span = (fitting or good)[0]
                return _accepted(plain, span, stream.passages[span.first])
        return refused

    def _in_parts(self, plain: str) -> QuoteMatch | None:
        parts = [part for part in _ELLIPSIS.split(plain) if bare(part)]
        if not _ELLIPSIS.search(plain) or not parts:
            return None
        for stream in self._streams():
            for begin, end in stream.sections():
                if spans := _in_order(stream, parts, begin, end):
                    return _joined(stream, parts, spans)
        missing = [part for part in parts if bare(part) not in self.body.squeezed]
        if missing:
            return None
        return QuoteMatch(
            "refused",
            "The parts around … do not follow each other within one section, or one of them is too "
            "short to identify its place. Quote one place per item.",
        )

    def _elsewhere(self, plain: str) -> QuoteMatch | None:
        needle = bare(plain)
        for span in Stream(self._texts.references).spans(needle):
            passage = self._texts.references[span.first]
            return QuoteMatch(
                "refused",
                "The quote is only in the list of references, which says nothing about this paper. "
                "Quote the text of the paper.",
                passage,
                span.text,
            )
        for span in Stream(self._texts.hidden).spans(needle):
            passage = self._texts.hidden[span.first]
            return QuoteMatch(
                "refused",
                f"The quote is only in hidden text ({passage.title}), which no reader of the page "
                "sees. Drop this item, and do not trust the hidden text.",
                passage,
                span.text,
            )
        if letters := foreign_letters(plain):
            codes = ", ".join(f"U+{ord(letter):04X}" for letter in dict.fromkeys(letters))
            return QuoteMatch(
                "refused",
                f"The quote contains letters that only look Latin ({codes}); the paper does not. "
                "Copy the words from the paper.",
            )
        return None

    def _nearest(self, plain: str) -> QuoteMatch:
        nearest = self._nearest_passage.find(plain)
        if nearest is None:
            return QuoteMatch(
                "refused",
                "The quote is not in the paper, and nothing similar is. Drop this item.",
            )
        shown = f"The paper says{_at(nearest.passage)}: “{_short(nearest.text)}”."
        if nearest.alike >= ALIKE and not nearest.turns:
            slips = f" ({'; '.join(nearest.slips)})" if nearest.slips else " in punctuation"
            return QuoteMatch(
                "flagged",
                f"The quote differs slightly{slips}. {shown}",
                nearest.passage,
                nearest.text,
                nearest.text,
            )
        return QuoteMatch(
            "refused", f"{self._why(plain, nearest)} {shown}", nearest.passage, nearest.text
        )

    def _why(self, plain: str, nearest: Nearest) -> str:
        needle = bare(plain)
        known = _known_prefix(self.body, needle)
        if min(known, len(needle) - known) >= _SHORTEST_PART:
            first = self.body.ends(needle[:known])
            rest = self.body.ends(needle[known:], first[1] if first else 0)
            if first and rest and rest[0] - first[1] <= _NEAR:
                between = _short(self.body.span(first[1], rest[0]).text)
                return f"The quote omits words of the paper without …: “{between}”."
            if needle[known:] in self.body.squeezed:
                return (
                    "The quote combines two places of the paper. Quote one place per item, or put "
                    "… between parts of the same section."
                )
        differs = ""
        if nearest.turns and nearest.alike >= _WORTH_COMPARING:
            differs = f" Differences: {'; '.join(nearest.turns[:4])}."
        return (
            f"The quote is not in the paper; the most similar passage is {nearest.alike:.0f} % "
            f"alike.{differs}"
        )


def _trivial(plain: str) -> str:
    if len(plain) < SHORTEST_QUOTE or not bare(plain):
        return f"The quote is too short: quote at least {SHORTEST_QUOTE} characters."
    if len(plain) > LONGEST_QUOTE:
        return (
            f"The quote is too long (at most {LONGEST_QUOTE} characters): quote only the words "
            "that support the statement."
        )
    return ""


def _accepted(plain: str, span: Span, passage: Passage) -> QuoteMatch:
    notes = []
    if not same_case(plain, " ".join(span.text.split())):
        notes.append("The quote's upper and lower case differ from the paper's.")
    for cut, full in _cut_words(span):
        notes.append(f"The quote begins or ends inside a word: “{cut}” of “{full}”.")
    return QuoteMatch("accepted", " ".join(notes), passage, span.text, span.whole_words)


def _cut_words(span: Span) -> Iterator[tuple[str, str]]:
    text, whole = span.text.split(), span.whole_words.split()
    for edge in (0, -1):
        if text and whole and text[edge] != whole[edge]:
            missing = whole[edge].replace(text[edge], "", 1)
            if any(letter.isalnum() for letter in missing):
                yield text[edge], whole[edge]


def _misquoted(reason: str, passage: Passage, text: str) -> QuoteMatch:
    return QuoteMatch(
        "refused",
        f"The quote is not what the paper says: {reason}. The paper says{_at(passage)}: "
        f"“{_short(text)}”.",
        passage,
        text,
    )


def _in_order(stream: Stream, parts: Sequence[str], begin: int, end: int) -> list[tuple[int, int]]:
    """Return the places of the parts, in order, between begin and end; [] if they do not occur so.

    A part counts only if it is long enough to identify its place, or is a whole row of a table.
    """
    spans = list[tuple[int, int]]()
    at = begin
    for part in parts:
        needle = bare(part)
        for _ in range(_MOST_TRIES):
            if (place := stream.ends(needle, at, end)) is None:
                return []
            at = place[1]
            span = stream.span(*place)
            whole_row = needle == bare(stream.passages[span.first].text)
            long_enough = len(needle) >= _SHORTEST_PART and " " in part
            if (long_enough or whole_row) and not same_sense(part, span.text):
                spans.append(place)
                break
        else:
            return []
    return spans


def _joined(stream: Stream, parts: Sequence[str], places: list[tuple[int, int]]) -> QuoteMatch:
    spans = [stream.span(*place) for place in places]
    passage = stream.passages[spans[-1].first]
    text = " … ".join(span.text for span in spans)
    evidence = " … ".join(span.whole_words for span in spans)
    for (_, stop), (start, _) in zip(places, places[1:], strict=False):
        gap = stream.span(stop, start).text if stop < start <= stop + _NEAR else ""
        if negations(gap) and passage.kind != "row":
            reason = f"The words omitted at … contain a negation: “{_short(gap)}”."
            return QuoteMatch("flagged", reason, passage, text, evidence)
    if passage.kind == "row" and not all(_is_heading_row(stream, span) for span in spans[:-1]):
        reason = (
            "The parts of the quote come from different rows of a table. Quote the heading row, …, "
            "and one row."
        )
        return QuoteMatch("flagged", reason, passage, text, evidence)
    return QuoteMatch("accepted", "", passage, text, evidence)


def _is_heading_row(stream: Stream, span: Span) -> bool:
    """Return whether a part is from a table's heading row, its caption, or the running text."""
    passage = stream.passages[span.first]
    before = stream.passages[span.first - 1] if span.first else passage
    return (
        passage.kind != "row"
        or before.kind != "row"
        or before.block != passage.block
        or not any(letter.isdigit() for letter in passage.text)
    )


def _known_prefix(stream: Stream, needle: str) -> int:
    """Return the length of the longest prefix of needle in the stream, by binary search."""
    low, high = 0, len(needle)
    while low < high:
        middle = (low + high + 1) // 2
        if needle[:middle] in stream.squeezed:
            low = middle
        else:
            high = middle - 1
    return low


def _at(passage: Passage) -> str:
    place = ", ".join(
        part for part in (passage.section, f"p. {passage.page}" if passage.page else "") if part
    )
    return f" ({place})" if place else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_SHOWN else f"{line[: _MOST_SHOWN - 1]}…"
