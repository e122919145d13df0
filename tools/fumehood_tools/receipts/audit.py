"""Everything of a workspace checked byte for byte: records, sources, weights, ledger.

Reads every file that a receipt names and hashes it: about 1 s per GB of weights. Changes nothing;
`withdraw` appends one line per receipt to the ledger.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from fumehood_tools.errors import UnknownName
from fumehood_tools.files import sha256_of
from fumehood_tools.plain_files import MOST_SOURCE_BYTES
from fumehood_tools.receipts.folders import (
    WEIGHTS_FILE,
    Book,
    Held,
    folders_of,
    open_book,
    read_folder,
)
from fumehood_tools.receipts.ledger import append

Level = Literal["wrong", "note"]
LEDGER = "ledger"


class Discrepancy(BaseModel, frozen=True):
    """One thing that is not as it was signed (wrong), or that is worth knowing (note)."""

    place: str = Field(description="<sandbox>/<variant>/<run>, or ledger")
    level: Level
    code: str = Field(description="a stable word: edited, deleted, weights_swapped …")
    message: str

    def line(self) -> str:
        """Return the finding as one line."""
        return f"{self.level}: {self.place}: {self.message} [{self.code}]"


class Audit(BaseModel, frozen=True):
    """What an audit found."""

    workspace: str | None = Field(description="public name of the key; null: there is none")
    scores: int = Field(description="sound receipts of scores")
    failures: int = Field(description="sound receipts of failures")
    findings: list[Discrepancy]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong; notes do not count."""
        return all(finding.level == "note" for finding in self.findings)


class Sound(BaseModel, frozen=True):
    """A score whose receipt and files are whole."""

    place: str
    folder: Path
    record: dict[str, Any]


def audit(state: Path, sandboxes: Path, only: str | None = None) -> tuple[Audit, list[Sound]]:
    """Return what is wrong in the workspace (or in one sandbox), and the scores that are whole.

    Raises StorageFailed when the key cannot be read.
    """
    book = open_book(state)
    found, failures = _ledger(book), 0
    scores: list[Sound] = []
    present: list[str] = []
    for folder in _folders(sandboxes, only):
        held = read_folder(folder, book)
        if held is None:
            continue
        present.append(held.place)
        here = _folder(held, folder)
        found += here
        if any(finding.level == "wrong" for finding in here) or held.problem:
            continue
        if held.kind == "score":
            scores.append(Sound(place=held.place, folder=folder, record=held.record))
        else:
            failures += 1
    found += _deleted(book.missing(present, only or ""), state, sandboxes)
    found += _changed_since(scores)
    report = Audit(
        workspace=book.key.workspace if book.key else None,
        scores=len(scores),
        failures=failures,
        findings=found,
    )
    return report, scores


def withdraw(state: Path, place: str) -> list[str]:
    """Enter into the ledger that receipts are given up: one place, or all under a prefix of it.

    Readers leave them out from then on, and their files may be deleted; what was tried stays
    counted. Returns the places.
    Raises UnknownName when the ledger has none that stands there.
    """
    book = open_book(state)
    wanted = place.strip("/")
    standing = {
        known: line
        for known, line in book.standing.items()
        if line.action in ("score", "failure") and f"{known}/".startswith(f"{wanted}/")
    }
    if book.key is None or not standing:
        raise UnknownName(
            "receipt", place, book.standing, "Give <sandbox>, <sandbox>/<variant> or a whole place."
        )
    lines = standing.values()
    append(state, book.key, [("withdraw", line.place, line.receipt) for line in lines])
    return sorted(standing)


def _folders(sandboxes: Path, only: str | None) -> list[Path]:
    names = [only] if only else sorted(path.name for path in sandboxes.glob("*"))
    return [folder for name in names for folder in folders_of(sandboxes / name / "results")]


def _ledger(book: Book) -> list[Discrepancy]:
    if book.broken:
        return [Discrepancy(place=LEDGER, level="wrong", code="ledger_broken", message=book.broken)]
    if book.behind:
        message = "the last lines were written in a crash; the next run mends them"
        return [Discrepancy(place=LEDGER, level="note", code="ledger_behind", message=message)]
    return []


def _deleted(places: Sequence[str], state: Path, sandboxes: Path) -> list[Discrepancy]:
    """Return a finding per receipt that is gone, and still is when one looks again."""
    if not places:
        return []
    # A job may have put a new record in place of an old one while we read.
    book = open_book(state)
    found = []
    for place in places:
        sandbox, variant, run = place.split("/")
        line = book.standing[place]
        folder = sandboxes / sandbox / "results" / variant / run
        if line.action == "supersede" or read_folder(folder, book) is not None:
            continue
        message = (
            f"deleted: the receipt of a {line.action} of {line.time} is gone. If that was meant: "
            f"fumehood verify --withdraw {place}"
        )
        found.append(Discrepancy(place=place, level="wrong", code="deleted", message=message))
    return found


def _changed_since(scores: Sequence[Sound]) -> list[Discrepancy]:
    """Return a note for every variant of which no score is one of its file as it is now."""
    versions: dict[Path, set[str]] = defaultdict(set)
    for score in scores:
        if score.record.get("control") is None:
            file = score.folder.parents[2] / "variants" / f"{score.record['variant']}.py"
            own = score.record["provenance"]["variant_sha256"]
            versions[file].add(score.record.get("file_sha256") or own)
    found = []
    for file, scored in versions.items():
        if (now := _sha256(file, MOST_SOURCE_BYTES)) not in scored:
            how = "was edited after it was scored" if now else "is gone"
            place, message = f"{file.parents[1].name}/{file.stem}", f"variants/{file.name} {how}"
            found.append(Discrepancy(place=place, level="note", code="stale", message=message))
    return found


def _folder(held: Held, folder: Path) -> list[Discrepancy]:
    """Return what is wrong in one folder: the cheap checks first, then every byte."""
    if held.problem is not None:
        level: Level = "note" if held.problem.code == "withdrawn" else "wrong"
        problem = held.problem
        return [Discrepancy(place=held.place, level=level, code=problem.code, message=problem.text)]
    found = []
    if held.kind == "score":
        for code, text in _bytes(held.record, folder):
            found.append(Discrepancy(place=held.place, level="wrong", code=code, message=text))
    if not held.listed:
        text = "not in the ledger, as after a crash; the next run of this sandbox enters it"
        found.append(Discrepancy(place=held.place, level="note", code="unlisted", message=text))
    return found


def _bytes(record: Mapping[str, Any], folder: Path) -> list[tuple[str, str]]:
    about, files = record.get("provenance", {}), record.get("files", {})
    found = []
    if _sha256(folder / WEIGHTS_FILE) != about.get("weights_sha256"):
        found.append(("weights_swapped", f"{WEIGHTS_FILE} is not the file that was scored"))
    for name, sha256 in sorted(files.items()):
        now = _sha256(folder / name)
        if now != sha256:
            how = "was edited" if now else "is gone"
            found.append(("file_edited", f"{name} {how} since the score was signed"))
    return found


def _sha256(path: Path, most_bytes: int | None = None) -> str | None:
    try:
        return sha256_of(path, most_bytes)
    except OSError:
        return None
