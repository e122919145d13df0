"""Check a whole workspace byte for byte: records, sources, weights and ledger.

The audit hashes every file that a record lists, which takes about 1 s per GB of weights. It changes
nothing. `withdraw` appends one line per receipt to the ledger.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from fumehood_tools.errors import UnknownName
from fumehood_tools.plain_files import MOST_SOURCE_BYTES
from fumehood_tools.receipts.files import changed, sha256_if_there
from fumehood_tools.receipts.folders import Book, Held, open_book, read_folder
from fumehood_tools.receipts.ledger import Entry, LedgerLine, append
from fumehood_tools.receipts.places import (
    SANDBOXES,
    STATE,
    is_under,
    places_on_disk,
    results_of,
)
from fumehood_tools.receipts.signing import Problem, mac_of
from fumehood_tools.registry.kinds import FAILURE, SCORE

Level = Literal["wrong", "note"]
LEDGER = "ledger"


class Discrepancy(BaseModel, frozen=True):
    """One finding: something differs from what was signed (wrong), or is worth knowing (note)."""

    place: str = Field(description="place of a record, or the word ledger")
    level: Level
    code: str = Field(description="a stable word: edited, deleted, weights_swapped …")
    message: str

    def line(self) -> str:
        """Return the finding as one line."""
        return f"{self.level}: {self.place}: {self.message} [{self.code}]"


class Audit(BaseModel, frozen=True):
    """The result of an audit."""

    workspace: str | None = Field(description="public name of the key; null if there is no key")
    scores: int = Field(description="number of valid receipts of scores")
    failures: int = Field(description="number of valid receipts of failures")
    others: dict[str, int] = Field(description="kind -> number of valid receipts of that kind")
    findings: list[Discrepancy]

    @property
    def is_sound(self) -> bool:
        """Whether no finding is "wrong". Notes do not count."""
        return all(finding.level == "note" for finding in self.findings)


class Sound(BaseModel, frozen=True):
    """A record with a valid receipt and unchanged files."""

    kind: str
    place: str
    folder: Path
    record: dict[str, Any]
    written: str | None = Field(description="time in the ledger; null: not in the ledger yet")


def audit(workspace: Path, only: str | None = None) -> tuple[Audit, list[Sound]]:
    """Return the findings in the workspace (or in the sandbox `only`), and the valid records.

    Raises StorageFailed if the key cannot be read.
    """
    return audit_under(workspace, [f"{SANDBOXES}/{only}" if only else ""])


def audit_under(workspace: Path, under: Sequence[str]) -> tuple[Audit, list[Sound]]:
    """Return the findings under some places, and the valid records there, sorted by place.

    Raises StorageFailed if the key cannot be read.
    """
    book = open_book(workspace / STATE)
    found = _ledger(book)
    sound: list[Sound] = []
    present: list[str] = []
    for place in _places(workspace, under, book):
        held = read_folder(workspace, place, book)
        if held is None:
            continue
        present.append(place)
        here = _folder(held, workspace / place)
        found += here
        if held.problem is None and all(one.level != "wrong" for one in here):
            line = book.standing.get(place)
            written = line.time if line is not None and held.listed else None
            sound.append(
                Sound(
                    kind=held.kind,
                    place=place,
                    folder=workspace / place,
                    record=held.record,
                    written=written,
                )
            )
    for one in under:
        found += _deleted(book.missing(present, one), workspace)
        found += _withdrawn_and_gone(book, one, present)
    found += _subjects(sound, book)
    scores = [one for one in sound if one.kind == SCORE.name]
    found += _changed_since(scores)
    found += _scored_elsewhere(scores)
    counts = Counter(one.kind for one in sound)
    report = Audit(
        workspace=book.key.workspace if book.key else None,
        scores=counts.pop(SCORE.name, 0),
        failures=counts.pop(FAILURE.name, 0),
        others=dict(sorted(counts.items())),
        findings=found,
    )
    return report, sound


def withdraw(state: Path, name: str) -> list[str]:
    """Withdraw the receipt at a place, or all receipts under it; return their places.

    The ledger gets a line for each. From then on readers omit these records, and their files may be
    deleted, but they still count as tries. name: a place, or for short <sandbox>,
    <sandbox>/<variant> or <sandbox>/<variant>/<run>. Raises UnknownName if the ledger has no
    receipt there.
    """
    book = open_book(state)
    wanted = name.strip("/")
    standing = _standing_under(book, wanted) or _standing_under(book, _in_full(wanted))
    if book.key is None or not standing:
        hint = "Pass a place, <sandbox> or <sandbox>/<variant>."
        raise UnknownName("receipt", name, book.standing, hint)
    entries = [Entry("withdraw", line.kind, line.place, line.receipt) for line in standing]
    append(state, book.key, entries)
    return sorted(line.place for line in standing)


def _standing_under(book: Book, under: str) -> list[LedgerLine]:
    return [
        line
        for place, line in book.standing.items()
        if line.action == "written" and under and is_under(place, under)
    ]


def _in_full(short: str) -> str:
    """Return the place of <sandbox>, <sandbox>/<variant> or <sandbox>/<variant>/<run>."""
    sandbox, _, rest = short.partition("/")
    return f"{results_of(sandbox)}/{rest}" if rest else f"{SANDBOXES}/{sandbox}"


def _places(workspace: Path, under: Sequence[str], book: Book) -> list[str]:
    """Return the places where the kinds or the ledger say that a record may be."""
    known = {place for place in book.standing if any(is_under(place, one) for one in under)}
    return sorted(known.union(*(places_on_disk(workspace, one) for one in under)))


def _ledger(book: Book) -> list[Discrepancy]:
    if book.broken:
        return [Discrepancy(place=LEDGER, level="wrong", code="ledger_broken", message=book.broken)]
    if book.behind:
        message = "a crash interrupted the writing of the last lines; the next run repairs them"
        return [Discrepancy(place=LEDGER, level="note", code="ledger_behind", message=message)]
    return []


def _deleted(places: Sequence[str], workspace: Path) -> list[Discrepancy]:
    """Return a finding for each receipt that is missing, also after reading the ledger again."""
    if not places:
        return []
    # A job may have replaced a record while we were reading.
    book = open_book(workspace / STATE)
    found = []
    for place in places:
        line = book.standing[place]
        if line.action == "supersede" or read_folder(workspace, place, book) is not None:
            continue
        message = (
            f"deleted: the receipt of a {line.kind} of {line.time} is gone. If you deleted it on "
            f"purpose, run fumehood verify --withdraw {place}"
        )
        found.append(Discrepancy(place=place, level="wrong", code="deleted", message=message))
    return found


def _withdrawn_and_gone(book: Book, under: str, present: Sequence[str]) -> list[Discrepancy]:
    """Return a note for each receipt that was withdrawn and has no folder any more."""
    message = "withdrawn by fumehood verify --withdraw, and deleted since"
    return [
        Discrepancy(place=place, level="note", code="withdrawn", message=message)
        for place in sorted(set(book.withdrawn(under)).difference(present))
    ]


def _subjects(sound: Sequence[Sound], book: Book) -> list[Discrepancy]:
    """Return the findings about `subject_of`: subjects that never existed or were replaced."""
    found = []
    written = {**book.places, **{mac_of(one.record): one.place for one in sound}}
    for one in sound:
        about = one.record.get("subject_of")
        if not isinstance(about, dict):
            continue
        place, receipt = str(about.get("place")), str(about.get("receipt"))
        line = book.standing.get(place)
        if written.get(receipt) != place:
            level: Level = "wrong"
            code, text = "no_subject", f"about a record of {place} that this workspace never had"
        elif line is not None and (line.receipt != receipt or line.action != "written"):
            level, code = "note", "subject_replaced"
            text = f"about a record of {place} that was replaced or withdrawn since"
        else:
            continue
        found.append(Discrepancy(place=one.place, level=level, code=code, message=text))
    return found


def _changed_since(scores: Sequence[Sound]) -> list[Discrepancy]:
    """Return a note for every variant file that has no score of its current content."""
    versions: dict[Path, set[str]] = defaultdict(set)
    for score in scores:
        if score.record.get("control") is None:
            file = score.folder.parents[2] / "variants" / f"{score.record['variant']}.py"
            own = score.record["provenance"]["variant_sha256"]
            versions[file].add(score.record.get("file_sha256") or own)
    found = []
    for file, scored in versions.items():
        if (now := sha256_if_there(file, MOST_SOURCE_BYTES)) not in scored:
            how = "was edited after it was scored" if now else "is gone"
            place, message = f"{file.parents[1].name}/{file.stem}", f"variants/{file.name} {how}"
            found.append(Discrepancy(place=place, level="note", code="stale", message=message))
    return found


def _scored_elsewhere(scores: Sequence[Sound]) -> list[Discrepancy]:
    """Return a note for every other machine whose word some scores are."""
    by_machine: dict[tuple[str, str], list[str]] = defaultdict(list)
    for score in scores:
        cost = score.record.get("cost") or {}
        if pod := cost.get("scored_on"):
            by_machine["pod", f"{pod['pod_id']} ({pod['gpu']})"].append(score.place)
        elif host := cost.get("scored_host"):
            by_machine["host", host].append(score.place)
    found = []
    for (kind, name), places in by_machine.items():
        more = f", with {len(places) - 1} more" if len(places) > 1 else ""
        message = (
            f"scored on {kind} {name}{more}, and signed here; scoring it again on this machine "
            f"(--rescore) needs no trust in the {kind}"
        )
        found.append(
            Discrepancy(place=places[0], level="note", code=f"scored_on_{kind}", message=message)
        )
    return found


def _folder(held: Held, folder: Path) -> list[Discrepancy]:
    """Return the findings about one folder: the cheap checks first, then a hash of every file."""
    if held.problem is not None:
        level: Level = "note" if held.problem.code == "withdrawn" else "wrong"
        problem = held.problem
        return [Discrepancy(place=held.place, level=level, code=problem.code, message=problem.text)]
    found = []
    wrong = changed(held.kind, held.record, folder)
    found += [_wrong(held.place, problem) for problem in wrong]
    if not held.listed:
        text = "not in the ledger, which a crash can cause; the next run of this sandbox enters it"
        found.append(Discrepancy(place=held.place, level="note", code="unlisted", message=text))
    return found


def _wrong(place: str, problem: Problem) -> Discrepancy:
    return Discrepancy(place=place, level="wrong", code=problem.code, message=problem.text)
