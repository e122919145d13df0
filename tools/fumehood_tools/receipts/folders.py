"""The folder of a record: its receipt, and whether what lies beside it is what was recorded.

Cheap, for readers: a record's HMAC, the hash of small sources, the sizes of other files that its
kind needs. The files themselves are hashed by `audit`.
"""

from collections.abc import Callable, Iterable, Mapping, Set
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
    """The record of one folder."""

    place: str
    kind: str
    record: dict[str, Any]
    problem: Problem | None
    listed: bool
    """Whether the ledger has this receipt; a crash may have left it out."""


class Sealed(NamedTuple):
    """What lies in one folder, whatever the ledger says of it."""

    place: str
    kind: str
    record: dict[str, Any]
    mac: str
    problem: Problem | None
    """With the record itself; the ledger need not be asked about such a one."""
    beside: Problem | None
    """With what lies beside it."""


def _nowhere(mac: str) -> str | None:
    return None


class Book(NamedTuple):
    """The key and the ledger of a workspace, or of one sandbox. key None: nothing was ever signed.

    `elsewhere` finds the place of a receipt that is not in `places`.
    """

    key: Key | None
    standing: Mapping[str, LedgerLine]
    places: Mapping[str, str]
    broken: str | None
    behind: bool
    elsewhere: Callable[[str], str | None] = _nowhere
    tried: Mapping[str, Set[str]] = {}
    """Place of a score or failure -> what was ever tried there; "" where old lines don't say."""

    @classmethod
    def of(
        cls, key: Key | None, held: Ledger, elsewhere: Callable[[str], str | None] = _nowhere
    ) -> "Book":
        """Return the book of a ledger that was read."""
        standing, places = held.standing(), held.places_of()
        return cls(key, standing, places, held.broken, held.behind, elsewhere, held.tried())

    def withdrawn(self, under: str) -> list[str]:
        """Return the places under another whose receipts were given up, sorted."""
        return sorted(
            place
            for place, line in self.standing.items()
            if line.action == "withdraw" and is_under(place, under)
        )

    def missing(self, present: Iterable[str], under: str = "") -> list[str]:
        """Return the places under another that the ledger knows and that are gone, sorted."""
        there = set(present)
        return sorted(
            place
            for place, line in self.standing.items()
            if line.action == "written" and place not in there and is_under(place, under)
        )


def open_book(state: Path) -> Book:
    """Return what tells sound receipts from others, the whole ledger read and verified.

    Raises StorageFailed (key unreadable). Readers of one sandbox use a `LedgerReader`.
    """
    key = load_key(state)
    return keyless_book(state) if key is None else Book.of(key, read_ledger(state, key))


def keyless_book(state: Path) -> Book:
    """Return the book of a workspace without a key: there should be no ledger either."""
    gone = "the workspace's key is gone, the ledger of its receipts is there"
    broken = gone if (state / LEDGER_FILE).exists() else None
    return Book.of(None, Ledger([], broken, behind=False))


def read_folder(workspace: Path, place: str, book: Book) -> Held | None:
    """Return the record at a place with what is wrong with it; None: there is none."""
    among = list(kinds())
    line = book.standing.get(place)
    if line is not None and line.kind and all(line.kind != kind.name for kind in among):
        # Of a wing that this process does not have: its receipt can be verified all the same.
        among.append(RecordKind(line.kind, place))
    sealed = read_sealed(workspace, place, book.key, among)
    return None if sealed is None else judge(sealed, book)


def read_sealed(
    workspace: Path, place: str, key: Key | None, among: Iterable[RecordKind] | None = None
) -> Sealed | None:
    """Return what lies at a place, its files checked; None: there is no record.

    among: the kinds that it may be of (default: all that are known).
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
    """Return what was found in a folder with what the ledger says of it."""
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
    """Return what the ledger has against a receipt standing where it stands."""
    if written is not None and written != place:
        return Problem("copied", f"a copy of the receipt of {written}")
    line = book.standing.get(place)
    if line is None or written is None:
        return None
    if line.action == "withdraw":
        return Problem("withdrawn", "withdrawn by fumehood verify --withdraw")
    if line.receipt != mac:
        return Problem("put_back", "an older receipt was put back in the place of a newer one")
    return None
