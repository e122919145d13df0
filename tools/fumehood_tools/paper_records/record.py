"""The record of a paper: methods, measurements and limitations, each item with its quotation.

An agent writes `Item`s. `checking.check_record` checks them against the paper's text and returns a
`CheckedRecord`. One model is used for all fields, so that the tool's schema stays small.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.errors import BadRequest

FieldName = Literal[
    "methodology",
    "technical_parameters",
    "validation_methods",
    "compute_requirements",
    "metrics",
    "findings",
    "limitations",
    "failure_modes",
    "future_work",
    "code_links",
]
FIELDS: tuple[FieldName, ...] = get_args(FieldName)
WITH_VALUE: frozenset[FieldName] = frozenset({"technical_parameters", "metrics"})
"""Fields whose items need a name and a value."""

SHORTEST_QUOTE, LONGEST_QUOTE = 15, 600
MOST_ITEMS = 500

Status = Literal["accepted", "flagged", "refused"]


class Item(BaseModel, frozen=True, extra="forbid"):
    """One statement about a paper, and the words of the paper that support it."""

    field: FieldName
    text: str = Field(
        default="",
        max_length=1000,
        description="In your words; its numbers must appear in the quote. Optional "
        "if name and value say it all",
    )
    quote: str = Field(
        max_length=5000,
        description="Verbatim from the paper, 15 to 600 characters; … for omitted words; for a "
        "table, the cells of a row: 'Model | 0.82 | 64'",
    )
    name: str | None = Field(
        default=None, max_length=200, description="metrics, technical_parameters: their name"
    )
    value: str | None = Field(
        default=None,
        max_length=500,
        description="metrics, technical_parameters: as printed; code_links: the URL",
    )
    unit: str | None = Field(default=None, max_length=100, description="'%', 'tokens', 'GPU hours'")
    data_set: str | None = Field(default=None, max_length=200, description="metrics: measured on")
    model: str | None = Field(default=None, max_length=200, description="metrics: measured model")
    setting: str | None = Field(
        default=None, max_length=300, description="metrics: the setting, or 'baseline'"
    )
    section: str | None = Field(default=None, max_length=100, description="Hint: 's3.2'")
    page: int | None = Field(default=None, ge=1, description="Hint")

    @property
    def claim(self) -> str:
        """The whole statement on one line: name = value unit: text."""
        measured = " ".join(part for part in (self.value, self.unit) if part)
        named = " = ".join(part for part in (self.name, measured) if part)
        return ": ".join(part for part in (named, self.text) if part)


class CheckedItem(BaseModel, frozen=True):
    """An item with the result of its check against the text."""

    item: Item
    status: Status = Field(description="refused items are not part of the record")
    reason: str = Field(
        default="", description="Why it was refused or flagged; for accepted items a note"
    )
    document: str = Field(default="", description="Name of the document in which it was found")
    section: str | None = Field(default=None, description="Section that contains the quote")
    section_title: str | None = None
    page: int | None = None
    chunk: str | None = None
    found: str = Field(default="", description="The paper's own words at this place")

    @property
    def place(self) -> str:
        """The place of the quote, for people: 's3.2 Compute, p. 4'."""
        title = " ".join(part for part in (self.section, self.section_title) if part)
        return ", ".join(part for part in (title, f"p. {self.page}" if self.page else "") if part)


class CheckedRecord(BaseModel, frozen=True):
    """All items in their original order, each with its status."""

    items: list[CheckedItem]

    @property
    def kept(self) -> list[CheckedItem]:
        """The items that the text supports, flagged ones included."""
        return [item for item in self.items if item.status != "refused"]

    def having(self, status: Status) -> list[CheckedItem]:
        """Return the items with this status."""
        return [item for item in self.items if item.status == status]

    def text(self) -> str:
        """Return the result as text for an agent: which items to fix, and why."""
        counts = ", ".join(f"{len(self.having(status))} {status}" for status in get_args(Status))
        lines = [f"{len(self.items)} items: {counts}."]
        for number, one in enumerate(self.items, 1):
            if one.status != "accepted":
                lines.append(f"- item {number} ({one.item.field}) {one.status}: {one.reason}")
        missing = [field for field in FIELDS if not any(i.item.field == field for i in self.kept)]
        if missing:
            lines.append(f"No items yet for: {', '.join(missing)}.")
        return "\n".join(lines)


def items_of(raw: Iterable[Mapping[str, Any]]) -> list[Item]:
    """Return items from plain data. Raises BadRequest that lists the errors of all items."""
    items: list[Item] = []
    wrong: list[str] = []
    for number, one in enumerate(raw, 1):
        try:
            items.append(Item.model_validate(one))
        except ValidationError as error:
            wrong += [f"item {number}, {_complaint(dict(e))}" for e in error.errors()[:5]]
    if wrong:
        more = f" … and {len(wrong) - 20} more" if len(wrong) > 20 else ""
        raise BadRequest(
            f"Nothing was recorded: {'; '.join(wrong[:20])}{more}. Fix these items and call again."
        )
    return items


def _complaint(error: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "the whole item"
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key (known: {', '.join(Item.model_fields)})"
    return f"{where}: {error['msg']}"
