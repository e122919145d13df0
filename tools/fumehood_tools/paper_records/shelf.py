"""The records of papers, stored in the workspace: the items that passed the check of their text.

New items are added to the record; an item about the same thing replaces the earlier one. If a paper
was parsed again, its record is checked against the new text the next time it is used. A copy for
people is written to `papers/<name>.findings.json`.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

from pydantic import BaseModel, Field

from fumehood_tools.errors import UnknownName
from fumehood_tools.files import write_json
from fumehood_tools.paper_records.checking import check_record
from fumehood_tools.paper_records.record import (
    FIELDS,
    MOST_ITEMS,
    CheckedItem,
    CheckedRecord,
    Item,
    Status,
)
from fumehood_tools.papers.library import Library
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.reading import Reading
from fumehood_tools.reading.shelf import ReadingShelf
from fumehood_tools.settings import Settings

_PREFIX = "findings "


class ItemCheck(BaseModel, frozen=True):
    """The result of checking one item against the text."""

    number: int = Field(description="Position in the call, from 1")
    status: Status
    reason: str = Field(default="", description="Why it was refused or flagged")
    place: str = Field(default="", description="Where the quote was found")
    found: str = Field(default="", description="The paper's own words there; untrusted quotation")


class RecordedFindings(BaseModel, frozen=True):
    """The status of every item of a call, and the contents of the paper's record now."""

    paper: str
    items: list[ItemCheck]
    kept: dict[str, int] = Field(description="Field -> number of items in the record now")
    missing: list[str] = Field(description="Fields without an item")
    file: str = Field(description="Path of the record's JSON file in the workspace")

    def text(self) -> str:
        """Return the result as text for the agent, refused items first."""
        counts = ", ".join(
            f"{sum(it.status == status for it in self.items)} {status}"
            for status in ("accepted", "flagged", "refused")
        )
        lines = [f"{self.paper}: {counts}."]
        for it in sorted(self.items, key=lambda item: item.status != "refused"):
            if it.status != "accepted":
                lines.append(f"- item {it.number} {it.status}: {it.reason}")
                lines += [f"  the paper, {it.place}: > {it.found}"] if it.found else []
        held = ", ".join(f"{count} {field}" for field, count in self.kept.items())
        lines.append(f"The record now contains {held or 'nothing yet'} ({self.file}).")
        if any(it.status == "refused" for it in self.items):
            lines.append("Next: quote the paper's own words for the refused items, or drop them.")
        elif self.missing:
            lines.append(
                f"Next: record items for {', '.join(self.missing)}, if the paper has them."
            )
        else:
            lines.append("Next: call compare_papers.")
        return "\n".join(lines)


class _Kept(BaseModel, frozen=True):
    digest: str
    record: CheckedRecord


class FindingsShelf:
    """The records of one workspace's papers."""

    def __init__(self, settings: Settings, library: Library, readings: ReadingShelf) -> None:
        self._settings, self._library, self._readings = settings, library, readings

    def record(self, paper: str, items: Sequence[Item], *, replace: bool) -> RecordedFindings:
        """Check items against the paper's text and store those it supports. Raises UnknownName.

        replace: discard the earlier record first.
        """
        reading, document = self._readings.get(paper)
        checked = check_record(items, {reading.paper: document})
        before = [] if replace else self._kept(reading, document).kept
        kept = {_sameness(it.item): it for it in (*before, *checked.kept)}
        record = CheckedRecord(items=list(kept.values()))
        kept_now = _Kept(digest=reading.digest, record=record)
        self._library.keep(_PREFIX + reading.paper, kept_now.model_dump())
        file = PurePosixPath(reading.markdown).with_suffix(".findings.json")
        write_json(self._settings.workspace / file, record.model_dump())
        counts = {field: sum(it.item.field == field for it in record.items) for field in FIELDS}
        return RecordedFindings(
            paper=reading.paper,
            items=[_item(number, it) for number, it in enumerate(checked.items, 1)],
            kept={field: count for field, count in counts.items() if count},
            missing=[field for field, count in counts.items() if not count],
            file=str(file),
        )

    def get(self, paper: str) -> CheckedRecord:
        """Return a paper's record. Raises UnknownName if it has none."""
        reading, document = self._readings.get(paper)
        record = self._kept(reading, document)
        if not record.items:
            known = [it.paper for it in self._readings.all() if self._has(it.paper)]
            raise UnknownName("record of", paper, known, "Call record_findings for it first.")
        return record

    def _has(self, paper: str) -> bool:
        return self._library.kept(_PREFIX + paper) is not None

    def _kept(self, reading: Reading, document: Document) -> CheckedRecord:
        found = self._library.kept(_PREFIX + reading.paper)
        if found is None:
            return CheckedRecord(items=[])
        kept = _Kept.model_validate(found[0])
        if kept.digest == reading.digest:
            return kept.record
        items = [it.item for it in kept.record.items]
        checked = [
            it
            for start in range(0, len(items), MOST_ITEMS)
            for it in check_record(
                items[start : start + MOST_ITEMS], {reading.paper: document}
            ).kept
        ]
        return CheckedRecord(items=checked)


def _sameness(item: Item) -> tuple[str | None, ...]:
    """Return the key of an item: a later item with the same key replaces it."""
    named = (item.field, item.name, item.data_set, item.model, item.setting)
    return (*named, item.value) if item.name else (*named, item.text or item.quote)


def _item(number: int, checked: CheckedItem) -> ItemCheck:
    accepted = checked.status == "accepted"
    return ItemCheck(
        number=number,
        status=checked.status,
        reason=checked.reason,
        place=checked.place,
        found="" if accepted else checked.found[:500],
    )
