"""Check an archive with a public key alone: every byte, every signature, and the ledger.

Nothing is extracted, and no workspace or network is needed. `honesty.py` then checks what the
receipts say. Costs a hash of the archive, three times: about 3 s per GB.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from fumehood_tools.errors import BadRequest
from fumehood_tools.quoting import one_line
from fumehood_tools.receipts import dsse
from fumehood_tools.receipts.export import Statement, check_lines
from fumehood_tools.receipts.forms import IndexPredicate, IndexStatement, LedgerFile, content_of
from fumehood_tools.studies.archive.honesty import Evidence, dishonesties
from fumehood_tools.studies.archive.writing import (
    ARCHIVE_TYPE,
    INDEX,
    LEDGER,
    PUBLIC_KEY,
    RECEIPTS,
)
from fumehood_tools.studies.archive.zips import ArchiveReader, Damaged

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_SHORTEST_HEAD = 8


class SignedHead(BaseModel, frozen=True):
    """What the signed index says about the ledger."""

    lines: int
    head: str


class AboutArchive(IndexPredicate, frozen=True):
    """What the signed index says about the archive."""

    study: str
    ledger: SignedHead


class ArchiveIndex(IndexStatement, frozen=True):
    """The signed list of the files of an archive."""

    predicate: AboutArchive


class CheckedArchive(NamedTuple):
    """What an archive says as far as it verifies, and what is wrong with it.

    key_id: of the key that it was checked with. own_key: it was the key in the archive, so it is
    not known whose it is. statements: the receipts that verify. notes: what is worth knowing.
    """

    study: str
    workspace: str
    exported: str
    head: str
    lines: int
    receipts: int
    key_id: str
    own_key: bool
    wrong: list[str]
    notes: list[str]
    statements: list[Statement]


def check_archive(file: Path, key_file: Path | None, head: str | None = None) -> CheckedArchive:
    """Return the result of checking an archive.

    key_file: the public key, from where its owner published it; None: the one in the archive.
    head: MAC, or its first digits, of a ledger that the archive must continue. Raises BadRequest,
    StorageFailed if the file or the key cannot be read, Damaged if it is no archive.
    """
    reader = ArchiveReader(file)
    key = dsse.public_key(key_file) if key_file else _key_inside(reader)
    wrong: list[str] = []
    index = _index(reader, key, wrong)
    if index is None:
        return _unverified(key, key_file is None, wrong)
    wrong += _against_index(reader, index)
    try:
        lines = reader.read(RECEIPTS).splitlines()
        ledger = _ledger(reader)
    except Damaged as error:
        return _unverified(key, key_file is None, [*wrong, str(error)])
    checked, statements = check_lines(lines, key, RECEIPTS)
    wrong += checked.wrong
    about = index["predicate"]
    withdrawn = {str(place) for place in about.get("withdrawn", ())}
    wrong += _ledger_faults(about, ledger, statements, head)
    if not wrong:
        evidence = Evidence(str(about["study"]), statements, withdrawn, ledger, _digests(index))
        wrong += dishonesties(evidence)
    if not reader.is_canonical():
        wrong.append(
            "bytes of the zip file outside of its files were changed. Fetch it from its owner."
        )
    return CheckedArchive(
        study=str(about.get("study")),
        workspace=str(about.get("workspace")),
        exported=str(about.get("exported")),
        head=str(ledger.get("head", "")),
        lines=len(ledger.get("macs", ())),
        receipts=len(statements),
        key_id=dsse.key_id_of(key),
        own_key=key_file is None,
        wrong=wrong,
        notes=[f"{place}: withdrawn by its owner before the export" for place in sorted(withdrawn)],
        statements=statements,
    )


def _unverified(key: "Ed25519PublicKey", own_key: bool, wrong: list[str]) -> CheckedArchive:
    unknown = "unknown"
    key_id = dsse.key_id_of(key)
    return CheckedArchive(unknown, unknown, unknown, "", 0, 0, key_id, own_key, wrong, [], [])


def _key_inside(reader: ArchiveReader) -> "Ed25519PublicKey":
    return dsse.public_key_of(reader.read(PUBLIC_KEY), PUBLIC_KEY)


def _index(
    reader: ArchiveReader, key: "Ed25519PublicKey", wrong: list[str]
) -> dict[str, Any] | None:
    """Return the signed list of files; None, with the reason in `wrong`, if it does not verify."""
    try:
        line = reader.read(INDEX)
        envelope = dsse.opened(line)
    except Damaged as error:
        wrong.append(str(error))
        return None
    if envelope is None:
        wrong.append(f"{INDEX} is not a signed statement: it was changed.")
        return None
    if not dsse.is_signed_by(envelope, key):
        own = dsse.key_id_of(key)
        how = f"{INDEX} was changed after it was signed"
        if envelope.key_id != own:
            other = one_line(envelope.key_id[:16])
            how = f"the archive was signed with another key ({other}) than yours ({own[:16]})"
        wrong.append(f"{how}. Fetch archive and key again from their owner.")
        return None
    if line != dsse.written(envelope._replace(key_id=dsse.key_id_of(key))):
        wrong.append(f"bytes of {INDEX} that are not signed were changed. Fetch it again.")
    content = content_of(envelope.payload, ArchiveIndex)
    if content is None or content["predicateType"] != ARCHIVE_TYPE:
        wrong.append(f"{INDEX} is about something else than a study's archive.")
        return None
    return content


def _digests(index: Mapping[str, Any]) -> dict[str, str]:
    return {str(one["name"]): str(one["digest"]["sha256"]) for one in index["subject"]}


def _against_index(reader: ArchiveReader, index: Mapping[str, Any]) -> list[str]:
    """Return the files that are missing, were added, or were changed."""
    wanted = _digests(index)
    there = set(reader.members) - {INDEX}
    wrong = [f"{name} is missing from the archive." for name in sorted(set(wanted) - there)]
    wrong += [
        f"{name} is an extra file, which nobody signed." for name in sorted(there - set(wanted))
    ]
    for name in sorted(there & set(wanted)):
        try:
            same = reader.sha256(name) == wanted[name]
        except Damaged:
            same = False
        if not same:
            wrong.append(f"{name} was changed after it was signed.")
    return wrong


def _ledger(reader: ArchiveReader) -> dict[str, Any]:
    found = content_of(reader.read(LEDGER), LedgerFile)
    if found is None or not all(0 < at <= len(found["macs"]) for at in found["order"].values()):
        raise Damaged(f"{LEDGER} is not the ledger of an archive.")
    return found


def _ledger_faults(
    about: Mapping[str, Any],
    ledger: Mapping[str, Any],
    statements: list[Statement],
    head: str | None,
) -> list[str]:
    """Return what is wrong with the ledger, and whether it is older than a head that is known."""
    macs, signed = ledger["macs"], about.get("ledger", {})
    last = macs[-1] if macs else ""
    wrong = []
    if (len(macs), last) != (signed.get("lines"), signed.get("head")):
        wrong.append(
            f"{LEDGER} has {len(macs)} lines, and ends otherwise than the signed head of "
            f"{signed.get('lines')} lines: it is of another time, or was changed."
        )
    lacking = [one.place for one in statements if _mac(one) not in ledger["order"]]
    wrong += [f"the receipt of {place} is not in the ledger." for place in lacking]
    if head is None:
        return wrong
    if len(head) < _SHORTEST_HEAD:
        raise BadRequest(f"--head {head!r} is too short. Pass {_SHORTEST_HEAD} digits or more.")
    if not any(mac.startswith(head.lower()) for mac in macs):
        wrong.append(
            f"its ledger of {len(macs)} lines does not continue the one with head {head}: it is an "
            "older copy that was put back, or another workspace's. Ask its owner for the newest."
        )
    return wrong


def _mac(one: Statement) -> str:
    return str(one.record["receipt"]["mac"])
