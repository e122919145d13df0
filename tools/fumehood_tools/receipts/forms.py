"""The forms of signed statements. A signature shows who signed, not that the content has a form.

So whatever is read from an export is held against these models first. Light.
"""

import json
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.receipts.signing import unambiguous


class Digest(BaseModel, frozen=True):
    """Digests of a file."""

    sha256: str


class Subject(BaseModel, frozen=True):
    """A file or a receipt that a statement is about."""

    name: str
    digest: Digest


class IndexPredicate(BaseModel, frozen=True):
    """What an index says beside its list."""

    workspace: str
    exported: str
    withdrawn: list[str] = []


class IndexStatement(BaseModel, frozen=True):
    """The signed list of what belongs to an export."""

    predicateType: str
    subject: list[Subject]
    predicate: IndexPredicate


class Receipt(BaseModel, frozen=True):
    """The part of a record that says where it was written."""

    mac: str


class Record(BaseModel, frozen=True):
    """A record, as far as every kind of record has it."""

    receipt: Receipt


class ReceiptPredicate(BaseModel, frozen=True):
    """A record, as an object or, where its numbers have no canonical form, as text."""

    place: str
    kind: str
    record: Record | None = None
    record_text: str | None = None


class ReceiptStatement(BaseModel, frozen=True):
    """The statement about one record."""

    predicateType: str
    subject: list[Subject]
    predicate: ReceiptPredicate


class LedgerFile(BaseModel, frozen=True):
    """The ledger in an archive."""

    head: str
    macs: list[str]
    order: dict[str, int] = Field(description="MAC of a receipt -> its line, from 1")


def content_of(payload: bytes, form: type[BaseModel]) -> dict[str, Any] | None:
    """Return the content of a payload; None if it has another form."""
    try:
        form.model_validate_json(payload)  # refuses what is nested too deeply for json.loads
        content: dict[str, Any] = json.loads(payload)
    except (ValidationError, ValueError):
        return None
    return content


def record_in(predicate: dict[str, Any]) -> dict[str, Any] | None:
    """Return the record in the predicate of a receipt; None if there is none, or not one."""
    if isinstance(predicate.get("record"), dict):
        found: dict[str, Any] = predicate["record"]
        return found
    text = predicate.get("record_text")
    if not isinstance(text, str):
        return None
    try:
        Record.model_validate_json(text)
        record: dict[str, Any] = json.loads(text, object_pairs_hook=unambiguous)
    except (ValidationError, ValueError):
        return None
    return record
