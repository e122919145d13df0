"""Read the folder of a record: check its receipt, and that its files are those recorded.

These are the cheap checks that readers make: the record's HMAC, the hashes of source files, and the
sizes of the other files that its kind needs. Only `audit` hashes all files.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.receipts.files import beside
from fumehood_tools.receipts.key import Key, load_key
from fumehood_tools.receipts.ledger import LEDGER_FILE, Ledger, LedgerLine, read_ledger
from fumehood_tools.receipts.places import is_under
from fumehood_tools.receipts.signing import Problem, check, mac_of, read_record
from fumehood_tools.registry.kinds import FAILURE, SCORE, RecordKind, kinds

SCORE_FILE, FAILURE_FILE = SCORE.file, FAILURE.file


class Held(NamedTuple):
    """The record in one folder, and what is wrong with it (None: nothing)."""

    place: str
    kind: str
    record: dict[str, Any]
    problem: Problem | None
    listed: bool
    """Whether the ledger contains this receipt. A crash may have left it out."""


class Sealed(NamedTuple):
    """The record in one folder, checked without the ledger."""

    place: str
    kind: str
    record: dict[str, Any]
    mac: str
    problem: Problem | None
    """A problem with the record itself. If there is one, the ledger is not consulted."""
    beside: Problem | None
    """A problem with the files next to the record."""


def _nowhere(mac: str) -> str | None:
    return None


class Book(NamedTuple):
    """The key and the ledger of a workspace, or of one sandbox.

    key: None if nothing was ever signed. standing: place -> its newest line. places: MAC of a
    receipt -> its place. broken: what is wrong with the ledger, or None. behind: a crash
    interrupted its last write. elsewhere: finds the place of a receipt that is not in `places`.
    """

    key: Key | None
    standing: Mapping[str, LedgerLine]
    places: Mapping[str, str]
    broken: str | None
    behind: bool
    elsewhere: Callable[[str], str | None] = _nowhere
    tried: Mapping[str, Set[str]] = {}
    """Place of a score or failure -> the trial words of everything ever tried there; "" for old
    lines without one."""
    begun: Mapping[str, Sequence[str]] = {}
    """Place -> the trial words of all trainings ever begun there, stopped ones included."""
    spots: Mapping[str, Set[str]] = {}
    """Place -> the trial words of both that say which layer was used (`trials.spot_of`)."""

    @classmethod
    def of(
        cls, key: Key | None, held: Ledger, elsewhere: Callable[[str], str | None] = _nowhere
    ) -> "Book":
        """Return the book of a ledger that has been read."""
        standing, places = held.standing(), held.places_of()
        known = standing, places, held.broken, held.behind, elsewhere
        return cls(key, *known, held.tried(), held.begun(), held.spots())

    def order(self) -> dict[str, int]:
        """Return MAC -> position of every receipt."""
        return {mac: at for at, mac in enumerate(self.places)}

    def withdrawn(self, under: str) -> list[str]:
        """Return the sorted places under `under` whose receipts were withdrawn."""
        return sorted(
            place
            for place, line in self.standing.items()
            if line.action == "withdraw" and is_under(place, under)
        )

    def missing(self, present: Iterable[str], under: str = "") -> list[str]:
        """Return the sorted places under `under` that the ledger has and `present` lacks."""
        there = set(present)
        return sorted(
            place
            for place, line in self.standing.items()
            if line.action == "written" and place not in there and is_under(place, under)
        )


def open_book(state: Path) -> Book:
    """Return the book of a whole workspace; reads and verifies the whole ledger.

    Raises StorageFailed if the key cannot be read. Readers of one sandbox use a `LedgerReader`.
    """
    key = load_key(state)
    return keyless_book(state) if key is None else Book.of(key, read_ledger(state, key))


def keyless_book(state: Path) -> Book:
    """Return the book of a workspace without a key. It is broken if there is a ledger."""
    gone = "the workspace's key is gone, but the ledger of its receipts is there"
    broken = gone if (state / LEDGER_FILE).exists() else None
    return Book.of(None, Ledger([], broken, behind=False))


def read_folder(workspace: Path, place: str, book: Book) -> Held | None:
    """Return the record at a place with its problem if it has one; None if there is no record."""
    among = list(kinds())
    line = book.standing.get(place)
    if line is not None and line.kind and all(line.kind != kind.name for kind in among):
        # The kind belongs to a wing that this process has not loaded. Its receipt can still be
        # verified.
        among.append(RecordKind(line.kind, place))
    sealed = read_sealed(workspace, place, book.key, among)
    return None if sealed is None else judge(sealed, book)


def read_sealed(
    workspace: Path, place: str, key: Key | None, among: Iterable[RecordKind] | None = None
) -> Sealed | None:
    """Return the record at a place, with signature and files checked; None if there is none.

    among: the kinds that it may have (default: all registered kinds).
    """
    folder = f"{workspace}/{place}"
    for kind in kinds() if among is None else among:
        try:
            record = read_record(f"{folder}/{kind.file}")
        except FileNotFoundError:
            continue
        except StorageFailed as error:
            return Sealed(place, kind.name, {}, "", Problem("damaged", str(error)), None)
        problem = _signature(record, key, kind, place)
        if problem is not None:
            return Sealed(place, kind.name, record, "", problem, None)
        wrong = beside(kind, record, folder)
        return Sealed(place, kind.name, record, mac_of(record), None, wrong)
    return None


def judge(sealed: Sealed, book: Book) -> Held:
    """Return the record of a folder after checking it against the ledger."""
    place, kind, record, mac, problem, beside = sealed
    if problem is not None:
        return Held(place, kind, record, problem, listed=True)
    written = book.places.get(mac) or book.elsewhere(mac)
    problem = _position(mac, written, place, book)
    listed = problem is not None or written is not None
    return Held(place, kind, record, problem or beside, listed)


def _signature(
    record: Mapping[str, Any], key: Key | None, kind: RecordKind, place: str
) -> Problem | None:
    if key is None:
        return Problem("key_missing", "this workspace has no key (.fumehood/receipt.key)")
    return check(record, key, kind.name, place)


def _position(mac: str, written: str | None, place: str, book: Book) -> Problem | None:
    """Return the problem if the ledger has this receipt elsewhere, withdrawn or superseded."""
    if written is not None and written != place:
        return Problem("copied", f"a copy of the receipt of {written}")
    line = book.standing.get(place)
    if line is None or written is None:
        return None
    if line.action == "withdraw":
        return Problem("withdrawn", "withdrawn by fumehood verify --withdraw")
    if line.receipt != mac:
        return Problem("put_back", "an older receipt was put back to replace a newer one")
    return None
