"""One results folder: its receipt, and whether what lies beside it is what was scored.

Cheap, for readers: a record's HMAC, the hash of a small source file, the size of the weights. The
weights themselves are hashed by `audit`.

A place is `<sandbox>/<variant>/<run>`: how ledger, messages and `fumehood verify` name a folder.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.receipts.key import Key, load_key
from fumehood_tools.receipts.ledger import LEDGER_FILE, Ledger, Line, append, read_ledger
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


class Book(NamedTuple):
    """The key and the ledger of a workspace. key None: nothing was ever signed here."""

    key: Key | None
    standing: Mapping[str, Line]
    places: Mapping[str, str]
    broken: str | None
    behind: bool

    def missing(self, present: Iterable[str], under: str = "") -> list[str]:
        """Return the places under a sandbox that the ledger knows and that are gone, sorted."""
        there = set(present)
        return sorted(
            place
            for place, line in self.standing.items()
            if line.action in ("score", "failure")
            and place not in there
            and (not under or place.startswith(f"{under}/"))
        )


def state_of(sandbox: Path) -> Path:
    """Return the machine's corner of the workspace that the sandbox's folder lies in."""
    return sandbox.parents[1] / ".fumehood"


def open_book(state: Path) -> Book:
    """Return what tells sound receipts from others. Raises StorageFailed (key unreadable)."""
    key = load_key(state)
    if key is not None:
        held = read_ledger(state, key)
    else:
        gone = "the workspace's key is gone, the ledger of its receipts is there"
        held = Ledger([], gone if (state / LEDGER_FILE).exists() else None, behind=False)
    return Book(key, held.standing(), held.places_of(), held.broken, held.behind)


def folders_of(results: Path) -> list[Path]:
    """Return the folders of runs under a sandbox's results/."""
    return sorted(results.glob("*/seed*"))


def place_of(folder: Path) -> str:
    """Return how a folder sandboxes/<sandbox>/results/<variant>/<run> is named."""
    *_, sandbox, _, variant, run = folder.parts
    return f"{sandbox}/{variant}/{run}"


def read_folder(folder: Path, book: Book) -> Held | None:
    """Return the record in a folder of a run with what is wrong with it; None: there is none."""
    place, base = place_of(folder), str(folder)
    for kind, name in _FILES:
        try:
            record = read_record(f"{base}/{name}")
        except FileNotFoundError:
            continue
        except StorageFailed as error:
            return Held(place, kind, {}, Problem("damaged", str(error)), listed=True)
        problem = _signature(record, book) or _position(record, place, book)
        listed = problem is not None or mac_of(record) in book.places
        return Held(place, kind, record, problem or _beside(kind, record, base), listed)
    return None


def adopt(state: Path, results: Path) -> int:
    """Enter receipts that a crash left out of the ledger; return how many. Reads only those."""
    book = open_book(state)
    if book.key is None or (book.broken and not book.standing):
        return 0
    standing = {p for p, line in book.standing.items() if line.action in ("score", "failure")}
    unknown = [path for path in folders_of(results) if place_of(path) not in standing]
    found = [held for path in unknown if (held := read_folder(path, book)) is not None]
    late = [(h.kind, h.place, mac_of(h.record)) for h in found if not h.problem and not h.listed]
    if late or book.behind:
        append(state, book.key, late)
    return len(late)


def _signature(record: Mapping[str, Any], book: Book) -> Problem | None:
    if book.key is None:
        return Problem("key_missing", "this workspace has no key (.fumehood/receipt.key)")
    return check(record, book.key)


def _position(record: Mapping[str, Any], place: str, book: Book) -> Problem | None:
    """Return what is wrong with a signed record standing where it stands."""
    _, variant, run = place.split("/")
    mine = f"{record.get('variant')} seed {record.get('seed')}"
    if record.get("variant") != variant or run.split("-")[0] != f"seed{record.get('seed')}":
        return Problem("misplaced", f"a record of {mine}, not of this folder")
    mac = mac_of(record)
    written = book.places.get(mac)
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
        with open(f"{folder}/{record['variant']}.py", "rb") as file:
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
