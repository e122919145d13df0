"""Check a record against the text of its paper: quotations, numbers and names.

Each item is checked by itself. An item that the text does not support is refused with a reason that
says what to fix; the others are accepted. The rules:
- a number must appear in the quotation, whole, in any usual notation (see `numbers`);
- a name with digits, or a setting, must appear anywhere in the paper;
- in a simple table, the row and the column must be the right ones (see `misplaced`).
Not covered: whether the statement follows from its quotation. The reader must judge that.
The check costs one pass over the document, and one bounded search per misquotation (see `nearest`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property

from fumehood_tools.errors import BadRequest
from fumehood_tools.paper_records.misplaced import misplaced
from fumehood_tools.paper_records.naming import name_stems
from fumehood_tools.paper_records.normal_form import bare, clean, words
from fumehood_tools.paper_records.numbers import (
    claimed,
    meanings,
    names_with_digits,
    numbers_in,
)
from fumehood_tools.paper_records.quotes import QuoteFinder, QuoteMatch
from fumehood_tools.paper_records.record import (
    MOST_ITEMS,
    WITH_VALUE,
    CheckedItem,
    CheckedRecord,
    Item,
    Status,
)
from fumehood_tools.paper_records.tables import headings_of
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.text_search import STOP, stem

_RANK: Mapping[Status, int] = {"accepted": 0, "flagged": 1, "refused": 2}
_POINTER = re.compile(
    r"\b(?:Tables?|Fig(?:ure|s)?|Sec(?:tion)?|Eq(?:uation)?|Appendix)\.?\s*\d[\d.]*", re.I
)
_ADDRESS = re.compile(
    r"(?:https?://|www\.)[^\s<>\"”]+|\b(?:github|gitlab|huggingface)\.\w+/[^\s<>\"”]+"
)
_PERCENT = ("%", "percent", "percentage")


def check_record(items: Sequence[Item], documents: Mapping[str, Document]) -> CheckedRecord:
    """Return every item with its status.

    documents: the parsed versions of one paper (LaTeX, PDF …) by name; the best result counts.
    Raises BadRequest without a document, or for more than 500 items.
    """
    if not documents:
        raise BadRequest("There is no text to check the record against. Read the paper first.")
    if len(items) > MOST_ITEMS:
        raise BadRequest(f"{len(items)} items are too many. Send at most {MOST_ITEMS} per call.")
    readings = [DocumentJudge(name, document) for name, document in documents.items()]
    return CheckedRecord(items=[_best(item, readings) for item in items])


def _best(item: Item, readings: Iterable["DocumentJudge"]) -> CheckedItem:
    best: CheckedItem | None = None
    for reading in readings:
        checked = reading.check(item)
        if best is None or _RANK[checked.status] < _RANK[best.status]:
            best = checked
        if best.status == "accepted":
            break
    assert best is not None
    return best


class DocumentJudge:
    """Checks items against one document. Built once, used for any number of items."""

    def __init__(self, name: str, document: Document) -> None:
        self.name = name
        self._document = document
        self._finder = QuoteFinder(document)
        self._links = {_address(link.url) for link in document.links}

    def check(self, item: Item) -> CheckedItem:
        """Return the item with its status according to this document."""
        if missing := _missing(item):
            return CheckedItem(item=item, status="refused", reason=missing, document=self.name)
        found = self._finder.find(item.quote, item.section, item.page)
        status, reason = found.status, found.reason
        if status != "refused":
            against = next(filter(None, self._objections(item, found)), "")
            doubts = [doubt for doubt in self._doubts(item, found) if doubt]
            if against:
                status, reason = "refused", against
            elif doubts:
                status, reason = "flagged", " ".join([*doubts, reason]).strip()
        passage = found.passage
        return CheckedItem(
            item=item,
            status=status,
            reason=reason,
            document=self.name,
            section=passage.section if passage else None,
            section_title=passage.title if passage else None,
            page=passage.page if passage else None,
            chunk=passage.chunk if passage else None,
            found=found.text,
        )

    @cached_property
    def _numbers(self) -> set[Decimal]:
        return {
            value
            for passage in self._finder.body.passages
            for value in meanings(numbers_in(passage.text))
        }

    @cached_property
    def _stems(self) -> set[str]:
        return {
            stem(word) for passage in self._finder.body.passages for word in words(passage.text)
        }

    def _objections(self, item: Item, found: QuoteMatch) -> Iterator[str]:
        """Yield complaints about an item with a quotation that is in the paper; '' means none."""
        evidence = meanings(numbers_in(found.evidence)) & meanings(numbers_in(clean(item.quote)))
        if item.field == "code_links":
            yield self._unknown_address(item)
        else:
            yield _missing_numbers("value", item.value or "", item.unit or "", evidence)
            yield _missing_names(item.value or "", bare(found.evidence))
            yield _missing_value(item.value or "", found.evidence)
            yield _missing_numbers("text", _POINTER.sub(" ", item.text), "", evidence)
            yield self._foreign(item)
            if found.passage and found.passage.kind == "row":
                block = self._document.blocks[found.passage.block]
                yield misplaced(block, found.text, item)
        yield _unrelated(item, found.evidence)

    def _doubts(self, item: Item, found: QuoteMatch) -> Iterator[str]:
        for label, said in (("data_set", item.data_set), ("model", item.model)):
            if said and bare(clean(said)) not in self._finder.body.squeezed:
                unknown = [word for word in _content(clean(said)) if stem(word) not in self._stems]
                if unknown:
                    yield f"{label} {said!r}: the word “{unknown[0]}” is not in the paper."
        # A value in words implies its name: "We use Adam" need not say "optimizer".
        measured = item.field in WITH_VALUE and any(map(str.isdigit, item.value or ""))
        if item.name and measured and not self._names(item.name, found):
            yield f"name: the quote does not mention “{item.name}”."

    def _names(self, name: str, found: QuoteMatch) -> bool:
        """Return whether the quotation, or the table that it is from, mentions a name."""
        told = [found.evidence]
        if found.passage and found.passage.kind == "row":
            block = self._document.blocks[found.passage.block]
            told += [block.text, *headings_of(block)[0]]
        evidence = clean(" ".join(told))
        shared = set(name_stems(name)) & set(name_stems(evidence))
        return (
            bool(shared)
            or bare(clean(name)) in bare(evidence)
            or _abbreviates(evidence, clean(name))
        )

    def _foreign(self, item: Item) -> str:
        """Return a complaint if a field other than the value has a name or number that is not in
        the paper, else ''."""
        text = _POINTER.sub(" ", _ADDRESS.sub(" ", item.text))
        for label, said in (
            ("text", text),
            ("name", item.name),
            ("unit", item.unit),
            ("data_set", item.data_set),
            ("model", item.model),
            ("setting", item.setting),
        ):
            plain = clean(said or "")
            for name in names_with_digits(plain):
                if bare(name) not in self._finder.body.squeezed:
                    return f"{label}: “{name}” is not in the paper. Correct it or remove it."
            if label == "text":
                continue
            for number in claimed(plain):
                if number.value not in self._numbers:
                    return (
                        f"{label}: the number {number.text} is not in the paper. Correct it or "
                        "remove it."
                    )
        return ""

    def _unknown_address(self, item: Item) -> str:
        said = item.value or next(iter(_ADDRESS.findall(f"{item.text} {item.quote}")), "")
        if not said:
            return "A code link needs its URL as value. Add it."
        wanted = _address(said)
        if wanted in self._links or bare(wanted) in self._finder.body.squeezed:
            return ""
        return (
            f"The address {said} is neither in the paper's text nor among its links. Use the "
            "address that the paper gives."
        )


def _missing(item: Item) -> str:
    if item.field in WITH_VALUE and not (item.name and item.value):
        return f"An item of {item.field} needs a name and a value. Add them."
    if not item.claim.strip() and item.field != "code_links":
        return "The item has no statement. Add text, or a name and a value."
    return ""


def _missing_numbers(label: str, said: str, unit: str, evidence: set[Decimal]) -> str:
    plain = clean(said)
    percent = unit.strip().lower().startswith(_PERCENT)
    scaled = iter(claimed(f"{plain} {clean(unit)}"))
    for number in claimed(plain):
        meant = {number.value}
        if percent or number.text.rstrip().endswith(_PERCENT):
            meant.add(number.value / 100)
        with_unit = next(scaled, None)
        if with_unit and with_unit.value != number.value:
            meant.add(with_unit.value)
        if not meant & evidence:
            known = ", ".join(_plainly(value) for value in sorted(evidence)[:8])
            there = f" (the quote has {known})" if known else ""
            return (
                f"{label}: the number {number.text.strip()} is not in the quote{there}. "
                "Quote the words that state it, or correct the number."
            )
    return ""


def _plainly(value: Decimal) -> str:
    """Return a value without exponent; a third in words has no last digit, and is rounded."""
    return f"{value:f}" if len(value.as_tuple().digits) < 20 else f"{value:.3f}"


def _missing_names(value: str, evidence: str) -> str:
    for name in names_with_digits(clean(value)):
        if bare(name) not in evidence:
            return f"value: “{name}” is not in the quote. Quote the words that state it."
    return ""


def _missing_value(value: str, evidence: str) -> str:
    """Return a complaint if no word of a value without digits is in the quotation, else ''."""
    plain = clean(value)
    wanted = {stem(word) for word in words(plain)}
    if not wanted or any(letter.isdigit() for letter in plain):
        return ""
    if wanted & {stem(word) for word in words(evidence)} or bare(plain) in bare(evidence):
        return ""
    return f"value: “{value}” is not in the quote. Quote the words that state it."


def _unrelated(item: Item, evidence: str) -> str:
    """Return an error text if the claim shares no word or number with its quote, else ''."""
    claim = clean(item.claim)
    ours = {stem(word) for word in _content(claim)}
    theirs = {stem(word) for word in _content(evidence)}
    if ours & theirs or item.field == "code_links":
        return ""
    if {n.value for n in numbers_in(claim)} & meanings(numbers_in(evidence)):
        return ""
    if _abbreviates(claim, evidence) or _abbreviates(evidence, claim):
        return ""
    return "The quote shares no word with the statement. Quote the words that support it."


def _abbreviates(short: str, long: str) -> bool:
    """Return whether short contains an acronym of consecutive words of long, such as EV."""
    initials = "".join(word[0] for word in words(long))
    return any(acronym.casefold() in initials for acronym in re.findall(r"\b[A-Z]{2,6}\b", short))


def _content(cleaned: str) -> list[str]:
    return [word for word in words(cleaned) if word not in STOP and not word.isdigit()]


def _address(url: str) -> str:
    """Return a URL in the form in which URLs are compared.

    Scheme, www, anchor, trailing punctuation and .git are removed, and case is folded.
    """
    bare = re.sub(r"^(?:https?://)?(?:www\.)?", "", url.strip(), flags=re.I).split("#")[0]
    return bare.rstrip("/.,;:)]").removesuffix(".git").casefold()
