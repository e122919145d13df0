"""One results folder: its receipt, and whether what lies beside it is what was scored.

Cheap, for readers: a record's HMAC, the hash of a small source file, the size of the weights. The
weights themselves are hashed by `audit`.

A place is `<sandbox>/<variant>/<run>`: how ledger, messages and `fumehood verify` name a folder.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path
from typing import Any, Literal, NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.plain_files import MOST_SOURCE_BYTES, open_plain
from fumehood_tools.receipts.key import Key, load_key
from fumehood_tools.receipts.ledger import LEDGER_FILE, WRITTEN, Ledger, LedgerLine, read_ledger
from fumehood_tools.receipts.signing import Problem, check, mac_of, read_record

SCORE_FILE, FAILURE_FILE, WEIGHTS_FILE = "score.json", "failure.json", "sae.safetensors"
Kind = Literal["score", "failure"]
_FILES: tuple[tuple[Kind, str], ...] = (("score", SCORE_FILE), ("failure", FAILURE_FILE))


class Held(NamedTuple):
    """The record of one folder."""

    place: str
    kind: Kind
    record: dict[str, Any]
    problem: Problem | None
    listed: bool
    """Whether the ledger has this receipt; a crash may have left it out."""


class Sealed(NamedTuple):
    """What lies in one folder, whatever the ledger says of it."""

    place: str
    kind: Kind
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
    """Place -> what was ever tried there, "" where an older line does not say."""

    @classmethod
    def of(
        cls, key: Key | None, held: Ledger, elsewhere: Callable[[str], str | None] = _nowhere
    ) -> "Book":
        """Return the book of a ledger that was read."""
        standing, places = held.standing(), held.places_of()
        return cls(key, standing, places, held.broken, held.behind, elsewhere, held.tried())

    def withdrawn(self, under: str) -> list[str]:
        """Return the places under a sandbox whose receipts were given up, sorted."""
        return sorted(
            place
            for place, line in self.standing.items()
            if line.action == "withdraw" and place.startswith(f"{under}/")
        )

    def missing(self, present: Iterable[str], under: str = "") -> list[str]:
        """Return the places under a sandbox that the ledger knows and that are gone, sorted."""
        there = set(present)
        return sorted(
            place
            for place, line in self.standing.items()
            if line.action in WRITTEN
            and place not in there
            and (not under or place.startswith(f"{under}/"))
        )


def state_of(sandbox: Path) -> Path:
    """Return the machine's corner of the workspace that the sandbox's folder lies in."""
    return sandbox.parents[1] / ".fumehood"


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


def folders_of(results: Path) -> list[Path]:
    """Return the folders of runs under a sandbox's results/."""
    return [results / variant / run for variant, run in runs_of(results)]


def runs_of(results: Path | str) -> list[tuple[str, str]]:
    """Return (variant, run) of the folders of runs under a sandbox's results/, sorted."""
    return sorted(
        (variant, run)
        for variant in _names(str(results), "")
        for run in _names(f"{results}/{variant}", "seed")
    )


def _names(folder: str, prefix: str) -> list[str]:
    """Return the names in a folder that begin so; of none when it is no folder we may read."""
    try:
        return [name for name in os.listdir(folder) if name.startswith(prefix)]
    except OSError:
        return []


def place_of(folder: Path) -> str:
    """Return how a folder sandboxes/<sandbox>/results/<variant>/<run> is named."""
    *_, sandbox, _, variant, run = folder.parts
    return f"{sandbox}/{variant}/{run}"


def read_folder(folder: Path, book: Book) -> Held | None:
    """Return the record in a folder of a run with what is wrong with it; None: there is none."""
    sealed = read_sealed(folder, book.key)
    return None if sealed is None else judge(sealed, book)


def read_sealed(folder: Path, key: Key | None) -> Sealed | None:
    """Return what lies in a folder of a run, its files checked; None: there is no record."""
    place, base = place_of(folder), str(folder)
    for kind, name in _FILES:
        try:
            record = read_record(f"{base}/{name}")
        except FileNotFoundError:
            continue
        except StorageFailed as error:
            return Sealed(place, kind, {}, "", Problem("damaged", str(error)), None)
        problem = _signature(record, key) or _misplaced(record, place)
        if problem is not None:
            return Sealed(place, kind, record, "", problem, None)
        return Sealed(place, kind, record, mac_of(record), None, _beside(kind, record, base))
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


def files_of(folder: str, variant: str) -> tuple[str, ...]:
    """Return the paths on which it depends what `read_sealed` finds in the folder of a variant."""
    names = (SCORE_FILE, FAILURE_FILE, f"{variant}.py", WEIGHTS_FILE)
    return tuple(f"{folder}/{name}" for name in names)


def _signature(record: Mapping[str, Any], key: Key | None) -> Problem | None:
    if key is None:
        return Problem("key_missing", "this workspace has no key (.fumehood/receipt.key)")
    return check(record, key)


def _misplaced(record: Mapping[str, Any], place: str) -> Problem | None:
    """Return what is wrong with a signed record standing in this folder."""
    _, variant, run = place.split("/")
    mine = f"{record.get('variant')} seed {record.get('seed')}"
    if record.get("variant") != variant or run.split("-")[0] != f"seed{record.get('seed')}":
        return Problem("misplaced", f"a record of {mine}, not of this folder")
    return None


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


def _beside(kind: Kind, record: Mapping[str, Any], folder: str) -> Problem | None:
    """Return what is wrong with the files beside a sound record, without reading the weights."""
    about = record.get("provenance", {}) if kind == "score" else record
    try:
        with open_plain(f"{folder}/{record['variant']}.py", MOST_SOURCE_BYTES) as file:
            found = hashlib.sha256(file.read()).hexdigest()
    except OSError:
        found = ""
    if found != about.get("variant_sha256"):
        how = "was edited" if found else "is gone"
        return Problem("variant_edited", f"the variant's file beside the record {how}")
    if kind == "failure":
        return None
    try:
        size = os.stat(f"{folder}/{WEIGHTS_FILE}").st_size
    except OSError:
        return Problem("weights_missing", f"the weights ({WEIGHTS_FILE}) are gone")
    if size != about.get("weights_bytes"):
        return Problem("weights_swapped", "the weights are not those that were scored")
    return None
