"""Propose candidates by rules: for every field of a record, sentences and cells that may belong.

Candidates are raw material, not findings: an agent selects, rewords and completes them. Text about
the paper's own work ranks above text about other people's work, judged by section title, by "we"
and by citation marks. Every candidate passes `checking` unchanged. Linear in the document; no
model is called.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator

from pydantic import BaseModel, Field

from fumehood_tools.errors import BadRequest
from fumehood_tools.paper_records import rules
from fumehood_tools.paper_records.checking import DocumentJudge
from fumehood_tools.paper_records.passages import HEADINGS, Passage, printed
from fumehood_tools.paper_records.record import (
    FIELDS,
    LONGEST_QUOTE,
    SHORTEST_QUOTE,
    WITH_VALUE,
    FieldName,
    Item,
)
from fumehood_tools.paper_records.tables import table_readings
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.sentences import sentence_spans
from fumehood_tools.reading.view import PaperItem

MOST_PER_FIELD = 60
MOST_PER_PAGE = 100
_SILENT = HEADINGS | {"row", "equation", "code", "reference"}

_NAME_FIRST = [
    (
        parameter,
        re.compile(
            rf"(?<![\w-])(?:{parameter.pattern})(?:\s?(?:=|:|≈|∈|of|is|was|are|to|over|at|set to"
            rf"|equal to))?\s?(?P<value>(?<![\d.])[-−]?{rules.NUMBER})(?![\w-])(?!\.\d)",
            re.I,
        ),
    )
    for parameter in rules.PARAMETERS
]
_COUNTED = re.compile(
    rf"(?<![\w.,-])(?P<value>{rules.NUMBER}|{rules.COUNT_WORDS})[\s-](?P<name>{rules.COUNTED})\b",
    re.I,
)
_METRIC = re.compile(
    rf"\b(?P<name>{rules.METRIC_NAMES})\s?(?:=|:|of|is|was|reaches|stays at|which stays at|at"
    rf"|from|\()\s?(?P<value>\d+ (?:out )?of \d+|[-−]?{rules.NUMBER})(?![\w-])(?!\.\d)",
    re.I,
)
_PERCENT_OF = re.compile(
    rf"(?<![\w.,-])(?P<value>\d+(?:\.\d+)?\s?%)\s(?P<name>{rules.METRIC_NAMES})\b", re.I
)


class Candidate(BaseModel, frozen=True):
    """Words of the paper that may belong in one field of its record."""

    field: FieldName
    quote: str = Field(description="Verbatim; for a table its heading row, … and the row")
    name: str | None = None
    value: str | None = None
    unit: str | None = None
    model: str | None = None
    section: str | None
    title: str | None = Field(description="Title of the section")
    page: int | None
    chunk: str | None
    strength: float = Field(description="0 to 1; comparable within a field")
    rule: str = Field(description="Name of the rule that proposed it")

    def item(self) -> Item:
        """Return it as an item of a record. The quotation serves as the statement."""
        told = self.name and self.value and self.field in WITH_VALUE
        return Item(
            field=self.field,
            text="" if told else self.quote,
            quote=self.quote,
            name=self.name,
            value=self.value,
            unit=self.unit,
            model=self.model,
            section=self.section,
            page=self.page,
        )


class Candidates(BaseModel, frozen=True):
    """One page of candidates: field by field, strongest first."""

    candidates: list[Candidate]
    counts: dict[FieldName, int] = Field(description="Candidates per field, on all pages")
    total: int
    next_offset: int | None = Field(description="Offset of the next page; None at the end")


def candidates_of(
    document: Document,
    fields: Collection[FieldName] | None = None,
    *,
    per_field: int = 20,
    limit: int = MOST_PER_PAGE,
    offset: int = 0,
) -> Candidates:
    """Return one page of candidates for the given fields (None: all), at most per_field each.

    Raises BadRequest if per_field, limit or offset is out of range.
    """
    if not (1 <= per_field <= MOST_PER_FIELD and 1 <= limit <= MOST_PER_PAGE and offset >= 0):
        raise BadRequest(
            f"per_field must be 1 to {MOST_PER_FIELD}, limit 1 to {MOST_PER_PAGE}, and offset 0 or "
            "more. Correct them."
        )
    wanted = [field for field in FIELDS if fields is None or field in fields]
    found = _strongest(document, wanted)
    reading = DocumentJudge("", document)
    kept: list[Candidate] = []
    for field in wanted:
        passing = (one for one in found[field] if reading.check(one.item()).status == "accepted")
        kept += [one for one, _ in zip(passing, range(per_field), strict=False)]
    page = kept[offset : offset + limit]
    after = offset + len(page)
    counts = Counter(one.field for one in kept)
    return Candidates(
        candidates=page,
        counts={field: counts[field] for field in wanted},
        total=len(kept),
        next_offset=after if after < len(kept) else None,
    )


def candidate_items(document: Document) -> list[PaperItem]:
    """Return the candidates of a paper as an agent sees them: quote, name, value and place."""
    return [_shown(candidate) for candidate in candidates_of(document).candidates]


def _shown(candidate: Candidate) -> PaperItem:
    value = " ".join(it for it in (candidate.value, candidate.unit) if it)
    named = " = ".join(it for it in (candidate.name, value) if it)
    place = " ".join(it for it in (candidate.section, candidate.title) if it)
    path = "; ".join(it for it in (named, candidate.model, place) if it)
    return PaperItem(id=candidate.field, text=candidate.quote, path=path, page=candidate.page)


def _strongest(
    document: Document, wanted: Collection[FieldName]
) -> dict[FieldName, list[Candidate]]:
    """Return the distinct candidates of each field, strongest first, ties in reading order."""
    best: dict[FieldName, dict[tuple[str, ...], Candidate]] = {field: {} for field in wanted}
    for one in _read(document):
        if one.field in best:
            key = (
                (one.name or "", one.value or "", one.model or "")
                if one.field in WITH_VALUE
                else (one.value or one.quote,)
            )
            before = best[one.field].get(key)
            if before is None or before.strength < one.strength:
                best[one.field][key] = one
    return {
        field: sorted(some.values(), key=lambda one: -one.strength)[: 2 * MOST_PER_FIELD]
        for field, some in best.items()
    }


def _read(document: Document) -> Iterator[Candidate]:
    for passage in printed(document):
        if passage.kind in _SILENT:
            continue
        for start, end in sentence_spans(passage.text):
            yield from _sentence(passage, passage.text[start:end])
        if passage.kind == "caption":
            for told in table_readings(document.blocks[passage.block]):
                measured = told._asdict()
                yield _candidate(passage, measured.pop("quote"), **measured)
    yield from _linked(document)


def _sentence(passage: Passage, sentence: str) -> Iterator[Candidate]:
    for cue in rules.CUES:
        if found := cue.pattern.search(sentence):
            yield _candidate(
                passage, _around(sentence, *found.span()), cue.field, cue.strength, cue.name
            )
    for parameter, pattern in _NAME_FIRST:
        for found in pattern.finditer(sentence):
            yield _measured(passage, sentence, found, "technical_parameters",
                            parameter.strength, "named value", parameter.name)  # fmt: skip
    for found in _COUNTED.finditer(sentence):
        yield _measured(
            passage, sentence, found, "technical_parameters", 0.45, "count", found["name"]
        )
    for rule, pattern in (("metric of", _METRIC), ("percent of", _PERCENT_OF)):
        for found in pattern.finditer(sentence):
            yield _measured(passage, sentence, found, "metrics", 0.6, rule, found["name"])
    for found in rules.CODE_HOSTS.finditer(sentence):
        strength = 0.8 if rules.CODE_WORDS.search(sentence) else 0.5
        yield _candidate(passage, _around(sentence, *found.span()), "code_links", strength,
                         "address in text", value=found[0].rstrip(".,;:"))  # fmt: skip


def _measured(
    passage: Passage,
    sentence: str,
    found: re.Match[str],
    field: FieldName,
    strength: float,
    rule: str,
    name: str,
) -> Candidate:
    value = found["value"].strip()
    unit = "%" if value.endswith("%") else None
    quote = _around(sentence, *found.span())
    return _candidate(passage, quote, field, strength, rule, name=name, value=value, unit=unit)


def _candidate(
    passage: Passage,
    quote: str,
    field: FieldName,
    strength: float,
    rule: str,
    *,
    name: str | None = None,
    value: str | None = None,
    unit: str | None = None,
    model: str | None = None,
) -> Candidate:
    title = passage.title or ""
    strength += 0.2 if re.search(rules.HOME[field], title, re.I) else 0.0
    strength += 0.1 if rules.OWN_WORDS.search(quote) else 0.0
    strength -= 0.15 if rules.THEIR_WORDS.search(quote) else 0.0
    strength -= 0.3 if rules.OTHERS.search(title) else 0.0
    return Candidate(
        field=field,
        quote=quote,
        name=name,
        value=value,
        unit=unit,
        model=model,
        section=passage.section,
        title=passage.title,
        page=passage.page,
        chunk=passage.chunk,
        strength=round(min(1.0, max(0.05, strength)), 2),
        rule=rule,
    )


def _around(sentence: str, start: int, end: int) -> str:
    """Return the sentence, or the part of it around start:end if it is too long for a quotation."""
    if len(sentence) <= LONGEST_QUOTE:
        return sentence
    spare = (LONGEST_QUOTE - (end - start)) // 2 - 1
    left = max(0, start - spare)
    right = min(len(sentence), end + spare)
    left = sentence.find(" ", left, start) + 1 if left else 0
    cut = sentence.rfind(" ", end, right)
    return sentence[left : right if right == len(sentence) or cut < 0 else cut].strip()


def _linked(document: Document) -> Iterator[Candidate]:
    """Yield code links with a text other than their URL, quoted with the sentence of that text."""
    links = [
        link
        for link in document.links
        if len(link.text) > 2 and rules.CODE_HOSTS.match(link.url) and "://" not in link.text
    ]
    if not links:
        return
    passages = [passage for passage in printed(document) if passage.kind not in _SILENT]
    for link in links:
        for passage in passages:
            at = passage.text.find(link.text)
            if at < 0 or (link.page and passage.page and link.page != passage.page):
                continue
            for start, end in sentence_spans(passage.text):
                if start <= at < end and end - start >= SHORTEST_QUOTE:
                    quote = _around(
                        passage.text[start:end], at - start, at - start + len(link.text)
                    )
                    strength = 0.7 if rules.CODE_WORDS.search(quote) else 0.4
                    yield _candidate(passage, quote, "code_links", strength, "link", value=link.url)
            break
