"""Export the receipts of a workspace so that anyone can verify them with a public key alone.

`export` writes the valid receipts of a workspace, each as an in-toto Statement in a DSSE envelope,
and then an index of all of them, so that a removed, added or swapped receipt is detected.
`check_export` needs only the file and the public key. A statement contains the whole record, and
the digests of its files (weights, source, logs).

Not covered: the signature shows which workspace signed, not that its owner measured honestly.
Receipts are checked against the ledger before the export, and not again by `check_export`.
"""

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.files import sha256_of, write_bytes
from fumehood_tools.plain_files import read_plain
from fumehood_tools.quoting import one_line
from fumehood_tools.receipts import dsse
from fumehood_tools.receipts.audit import Sound
from fumehood_tools.receipts.files import named_files
from fumehood_tools.receipts.forms import (
    IndexStatement,
    ReceiptStatement,
    content_of,
    record_in,
)
from fumehood_tools.receipts.places import STATE
from fumehood_tools.receipts.signing import RECEIPT
from fumehood_tools.timestamps import now

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

RECEIPT_TYPE, INDEX_TYPE = "urn:fumehood:receipt:v1", "urn:fumehood:receipt-index:v1"
PUBLIC_SUFFIX = ".pub"
_LONGEST_PLACE = 1_000


class Exported(NamedTuple):
    """The result of an export: number of receipts, id of the public key, and the key's file."""

    receipts: int
    key_id: str
    public_key: Path


class Checked(NamedTuple):
    """The contents of an export as far as they verify, and what is wrong with it (`wrong`)."""

    workspace: str
    sandbox: str | None
    exported: str
    places: list[str]
    key_id: str
    wrong: list[str]
    withdrawn: list[str]
    """Places of the receipts that the owner had withdrawn before the export."""


class Statement(NamedTuple):
    """One verified line. digest: sha256 of its payload."""

    number: int
    digest: str
    place: str
    content: dict[str, Any]

    @property
    def record(self) -> dict[str, Any]:
        """The record that a receipt's statement is about."""
        found = record_in(self.content["predicate"])
        assert found is not None  # `_verified` has checked its form
        return found


def export(
    workspace: Path,
    sound: Sequence[Sound],
    withdrawn: Sequence[str],
    to: Path,
    sandbox: str | None = None,
) -> Exported:
    """Write the receipts to a file, and the public key next to it (`<file>.pub`).

    sound: records that `audit` has just verified. withdrawn: places of withdrawn receipts, which
    the index lists. sandbox: the only sandbox in the export, or None for all. Raises BadRequest if
    there is no valid record, StorageFailed.
    """
    key = dsse.signing_key(workspace / STATE)
    write_bytes(to, signed_lines(sound, withdrawn, key, {"sandbox": sandbox}))
    public = to.with_name(to.name + PUBLIC_SUFFIX)
    write_bytes(public, dsse.pem_of(key.public_key()))
    return Exported(len(sound), dsse.key_id_of(key.public_key()), public)


def signed_lines(
    sound: Sequence[Sound],
    withdrawn: Sequence[str],
    key: "Ed25519PrivateKey",
    about: dict[str, Any],
    exported: str | None = None,
) -> bytes:
    """Return one signed line per receipt, and then the index of all of them.

    about: what else the index says. exported: ISO 8601, UTC; default: now. Raises BadRequest if
    there is no valid record.
    """
    if not sound:
        raise BadRequest("There is no valid receipt to export. Run variants first.")
    payloads = [(one.place, _receipt(one)) for one in sound]
    index = dsse.statement(
        [{"name": place, "digest": {"sha256": _digest(body)}} for place, body in payloads],
        INDEX_TYPE,
        {
            "workspace": str(sound[0].record[RECEIPT]["workspace"]),
            "exported": exported or now(),
            "withdrawn": sorted(withdrawn),
            "fumehood": version("fumehood"),
            **about,
        },
    )
    bodies = [*(body for _, body in payloads), index]
    return b"".join(dsse.sealed(body, key) for body in bodies)


def check_export(file: Path, key_file: Path) -> Checked:
    """Return the result of checking an export with a public key.

    Raises StorageFailed or BadRequest if the file or the key cannot be read.
    """
    key = dsse.public_key(key_file)
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {file.name}") from error
    return check_lines(lines, key, file.name)[0]


def check_lines(
    lines: Sequence[bytes], key: "Ed25519PublicKey", name: str
) -> tuple[Checked, list[Statement]]:
    """Return the result of checking the lines of an export, and the receipts that verify.

    name: of the file, for messages.
    """
    wrong: list[str] = []
    found = [
        one
        for number, line in enumerate(lines, 1)
        if (one := _verified(number, line, key, wrong)) is not None
    ]
    indexes = [one for one in found if one.content.get("predicateType") == INDEX_TYPE]
    receipts = [one for one in found if one.content.get("predicateType") == RECEIPT_TYPE]
    about: dict[str, Any] = {}
    if len(indexes) == 1 and indexes[0].number == len(lines):
        about = indexes[0].content["predicate"]
        wrong += _against_index(receipts, indexes[0].content["subject"])
    else:
        last = "does not end with a valid index"
        how = "has more than one index" if len(indexes) > 1 else last
        wrong.append(f"{name} {how}, so receipts may be missing. Export it again.")
    checked = Checked(
        workspace=str(about.get("workspace", "unknown")),
        sandbox=about.get("sandbox"),
        exported=str(about.get("exported", "at an unknown time")),
        places=[one.place for one in receipts],
        key_id=dsse.key_id_of(key),
        wrong=wrong,
        withdrawn=[str(place) for place in about.get("withdrawn", ())],
    )
    return checked, receipts


def _receipt(one: Sound) -> bytes:
    """Return the statement about one record: the predicate is the record, the subject its files."""
    record_file = f"{one.kind}.json"
    files = [(file.name, file.sha256) for file in named_files(one.kind, one.record)]
    subject = [(record_file, sha256_of(one.folder / record_file)), *files]
    named = [
        {"name": f"{one.place}/{name}", "digest": {"sha256": sha256}} for name, sha256 in subject
    ]
    about = {"kind": one.kind, "place": one.place, "written": one.written}
    try:
        return dsse.statement(named, RECEIPT_TYPE, {**about, "record": one.record})
    except dsse.NoCanonicalForm:
        # The record has a number beyond 2^53 or one that is not finite. Its text is exact.
        text = read_plain(one.folder / record_file).decode("utf-8")
        return dsse.statement(named, RECEIPT_TYPE, {**about, "record_text": text})


def _verified(
    number: int, line: bytes, key: "Ed25519PublicKey", wrong: list[str]
) -> Statement | None:
    """Return the statement in a line if the key signed it; else append the reason to `wrong`."""
    envelope = dsse.opened(line)
    if envelope is None:
        wrong.append(f"line {number} is not a signed statement: it was damaged or inserted.")
        return None
    place = _claimed_place(envelope.payload)
    if not dsse.is_signed_by(envelope, key):
        own = dsse.key_id_of(key)
        how = "its signature does not fit: it was changed after it was signed"
        if envelope.key_id != own:
            other = one_line(envelope.key_id[:16])
            how = f"it names another key ({other}) than the one you passed ({own[:16]})"
        wrong.append(f"line {number} ({place}): {how}.")
        return None
    content = _content(envelope.payload)
    if content is None:
        wrong.append(f"line {number} ({place}) is signed, but of a form that nothing here writes.")
        return None
    return Statement(number, _digest(envelope.payload), place, content)


def _content(payload: bytes) -> dict[str, Any] | None:
    """Return the content of a signed line; None if it is neither a receipt nor an index."""
    index = content_of(payload, IndexStatement)
    if index is not None and index["predicateType"] == INDEX_TYPE:
        return index
    content = content_of(payload, ReceiptStatement)
    if content is None or content["predicateType"] != RECEIPT_TYPE:
        return None
    return content if record_in(content["predicate"]) is not None else None


def _claimed_place(payload: bytes) -> str:
    """Return the place that a payload claims to be about. Nothing is verified."""
    try:
        content = json.loads(payload)
        if content["predicateType"] == INDEX_TYPE:
            return "the index"
        return one_line(str(content["predicate"]["place"])[:_LONGEST_PLACE])
    except (ValueError, TypeError, KeyError, RecursionError):
        return "unreadable"


def _against_index(receipts: Sequence[Statement], listed: list[dict[str, Any]]) -> list[str]:
    """Return the receipts that are missing, were added, or are in the wrong order."""
    wanted = [(str(one["name"]), str(one["digest"]["sha256"])) for one in listed]
    there = {one.digest for one in receipts}
    missing = [
        f"the receipt of {place} is missing or was changed."
        for place, digest in wanted
        if digest not in there
    ]
    known = {digest for _, digest in wanted}
    added = [
        f"line {one.number} ({one.place}) is a receipt that the index does not list."
        for one in receipts
        if one.digest not in known
    ]
    if missing or added:
        return [*missing, *added]
    return [
        f"line {one.number} has the receipt of {one.place} instead of the one of {place}."
        for one, (place, digest) in zip(receipts, wanted, strict=False)
        if one.digest != digest
    ] or _repeated(receipts, len(wanted))


def _repeated(receipts: Sequence[Statement], wanted: int) -> list[str]:
    return [f"line {one.number} ({one.place}) repeats a receipt." for one in receipts[wanted:]]


def _digest(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()
