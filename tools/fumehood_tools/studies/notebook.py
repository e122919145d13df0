"""Open a study, append entries to it, and read them with what is wrong with them.

An entry is a record of `receipts`: signed, written atomically, and listed in the ledger, which
makes the study append-only and shows every change. Numbers are given under a lock, so two servers
may write to one study at once. A crash at any point loses at most the entry being written.

Costs about 1 ms per entry the first time it is read; after that a stat, for as long as the
`StudyShelf` lives. An append costs two fsyncs.
"""

import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from fumehood_tools.errors import AlreadyExists, BadRequest, UnknownName
from fumehood_tools.locking import exclusive
from fumehood_tools.receipts import Book, Draft, LedgerReader, RecordWriter, mac_of
from fumehood_tools.receipts.files import changed
from fumehood_tools.receipts.folders import Sealed, judge, read_sealed
from fumehood_tools.receipts.key import Key
from fumehood_tools.receipts.places import places_on_disk
from fumehood_tools.receipts.stamps import Stamp, stamp_of
from fumehood_tools.studies.entries import KIND_OF, MODELS, Content, StudyOpened
from fumehood_tools.wings import table

STUDIES, ENTRIES = "studies", "entries"
STUDY_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MOST_ENTRIES = 9_999
_LOCK = "studies.{name}.lock"
_ENTRY = re.compile(r"(\d{4})-([a-z]+)")
_KINDS = {kind.name: kind for kind in table.STUDIES.kinds}

C = TypeVar("C", bound=Content)


class Entry(NamedTuple):
    """One entry that was read. content: None if it cannot be trusted; then `problem` says why."""

    number: int
    kind: str
    place: str
    receipt: str
    content: Content | None
    problem: str | None = None


class Study(NamedTuple):
    """A study as it was read: its sound entries, and what is wrong with the others.

    problems: one sentence per entry that was edited, is gone, or cannot be read.
    """

    name: str
    folder: Path
    entries: tuple[Entry, ...]
    problems: tuple[str, ...]

    @property
    def opened(self) -> StudyOpened:
        """The content of the first entry."""
        return self.only(StudyOpened)[0][1]

    def only(self, model: type[C]) -> list[tuple[Entry, C]]:
        """Return the sound entries of one kind, with their contents, in order."""
        return [(e, e.content) for e in self.entries if isinstance(e.content, model)]

    def entry(self, number: int, model: type[C]) -> tuple[Entry, C]:
        """Return the sound entry with this number. Raises UnknownName if it is not of the kind."""
        kind = KIND_OF[model]
        found = {str(entry.number): (entry, content) for entry, content in self.only(model)}
        if str(number) not in found:
            hint = f"Call read_study(study={self.name!r}) to see its entries."
            raise UnknownName(f"{kind} in the study {self.name}", str(number), found, hint)
        return found[str(number)]


def study_names(workspace: Path) -> list[str]:
    """Return the names of all studies whose folder exists, sorted."""
    folders = (workspace / STUDIES).glob(f"*/{ENTRIES}")
    return sorted(f.parent.name for f in folders if STUDY_NAME.fullmatch(f.parent.name))


def create_study(workspace: Path, name: str, content: StudyOpened) -> Entry:
    """Create a study with its first entry.

    Raises BadRequest for an invalid name, AlreadyExists if the study exists or once existed,
    StorageFailed.
    """
    if not STUDY_NAME.fullmatch(name):
        raise BadRequest(
            f"{name!r} cannot be the name of a study. Use up to 64 lower-case letters, digits, - "
            "and _, starting with a letter or digit."
        )
    with _numbered(workspace, name):
        writer = RecordWriter(workspace, f"{STUDIES}/{name}")
        if _numbers(workspace, name, writer.book()):
            raise AlreadyExists(
                f"There is a study {name}. Call read_study(study={name!r}) to go on with it, or "
                "choose another name."
            )
        return _write(writer, name, 1, content, {})


def append(
    workspace: Path,
    name: str,
    content: Content,
    files: Mapping[str, bytes | Path] | None = None,
) -> Entry:
    """Append an entry to a study and return it. files: name -> bytes or path, kept beside it.

    Raises UnknownName for a study that does not exist, BadRequest when it is full, StorageFailed.
    """
    with _numbered(workspace, name):
        writer = RecordWriter(workspace, f"{STUDIES}/{name}")
        book = writer.book()
        numbers = _numbers(workspace, name, book)
        if not numbers:
            raise _unknown(workspace, name)
        # A folder that nobody signed must not use up the numbers after it.
        newest = max(_numbers_in(book.standing), default=0)
        following = next(
            n for n in range(newest + 1, newest + len(numbers) + 2) if n not in numbers
        )
        if following > MOST_ENTRIES:
            raise BadRequest(f"The study {name} has {MOST_ENTRIES:,} entries. Open a new one.")
        return _write(writer, name, following, content, files or {})


class _Kept(NamedTuple):
    """What was read of one folder, and the stamp of its files before that."""

    stamp: Stamp
    key: Key | None
    sealed: Sealed | None
    content: Content | None
    problem: str | None


class StudyShelf:
    """The entries of a workspace's studies. Safe to use from several threads."""

    def __init__(self, workspace: Path, clock: Callable[[], float] = time.time) -> None:
        """Create an empty cache; nothing is read yet. clock: seconds since the epoch."""
        self.workspace, self._clock = workspace, clock
        self._ledger = LedgerReader(workspace / ".fumehood", clock)
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def read(self, name: str) -> Study:
        """Return a study. Raises UnknownName if there is none, StorageFailed."""
        with self._lock:
            under = f"{STUDIES}/{name}"
            known = STUDY_NAME.fullmatch(name) is not None
            book = self._ledger.book(under) if known else None
            places = places_on_disk(self.workspace, under) if known else []
            if book is None or not (places or book.standing):
                raise _unknown(self.workspace, name)
            entries = [e for place in places if (e := self._entry(place, book)) is not None]
            problems = [f"{e.place}: {e.problem}" for e in entries if e.problem]
            problems += [
                f"{place}: the entry is gone. Restore it from a backup, or withdraw it with "
                f"`fumehood verify --withdraw {place}`."
                for place in book.missing((e.place for e in entries), under)
            ]
            if book.broken:
                problems.append(f"the ledger of receipts: {book.broken}")
            study = Study(name, self.workspace / under, tuple(entries), tuple(problems))
            if not study.only(StudyOpened):
                said = problems[0] if problems else "its first entry is gone"
                raise BadRequest(f"The study {name} cannot be read: {said}")
            return study

    def receipts_in_order(self) -> dict[str, int]:
        """Return MAC -> position of every receipt in the ledger of the workspace."""
        return self.book().order()

    def book(self, under: str = "") -> Book:
        """Return the ledger lines under a place. Raises StorageFailed."""
        with self._lock:
            return self._ledger.book(under)

    def _entry(self, place: str, book: Book) -> Entry | None:
        """Return the entry at a place, checked; None if the folder is not one."""
        matched = _ENTRY.fullmatch(place.rpartition("/")[2])
        if matched is None or matched[2] not in MODELS:
            return None
        stamp = stamp_of(_files(f"{self.workspace}/{place}"), self._clock())
        kept = self._kept.get(place)
        if kept is None or not kept.stamp.vouches(stamp) or kept.key != book.key:
            kept = _read(self.workspace, place, matched[2], stamp, book.key)
            self._kept[place] = kept
        if kept.sealed is None:
            return None
        held = judge(kept.sealed, book)
        problem = held.problem.text if held.problem else kept.problem
        return Entry(
            number=int(matched[1]),
            kind=held.kind,
            place=place,
            receipt=kept.sealed.mac,
            content=None if problem else kept.content,
            problem=problem,
        )


def _numbered(workspace: Path, name: str) -> AbstractContextManager[None]:
    return exclusive(workspace / ".fumehood" / _LOCK.format(name=name))


def _numbers(workspace: Path, name: str, book: Book) -> set[int]:
    """Return the numbers that entries on disk or in the ledger have, removed ones included."""
    if not STUDY_NAME.fullmatch(name):
        return set()
    return _numbers_in({*places_on_disk(workspace, f"{STUDIES}/{name}"), *book.standing})


def _numbers_in(places: Iterable[str]) -> set[int]:
    found = (_ENTRY.fullmatch(place.rpartition("/")[2]) for place in places)
    return {int(one[1]) for one in found if one}


def _write(
    writer: RecordWriter,
    name: str,
    number: int,
    content: Content,
    files: Mapping[str, bytes | Path],
) -> Entry:
    kind = KIND_OF[type(content)]
    place = f"{STUDIES}/{name}/{ENTRIES}/{number:04d}-{kind}"
    signed = writer.write(Draft(kind, place, content.model_dump(mode="json"), files))
    return Entry(number, kind, place, mac_of(signed), content)


def _read(workspace: Path, place: str, kind: str, stamp: Stamp, key: Key | None) -> _Kept:
    """Read one entry and hash every file beside it, as all of them are small."""
    sealed = read_sealed(workspace, place, key, [_KINDS[kind]])
    if sealed is None or sealed.problem is not None:
        return _Kept(stamp, key, sealed, None, None)
    problems = changed(kind, sealed.record, f"{workspace}/{place}")
    try:
        content = MODELS[kind].model_validate(sealed.record)
        problem = problems[0].text if problems else None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the record"
        content, problem = None, f"it was written by another version ({where}: {first['msg']})"
    return _Kept(stamp, key, sealed._replace(record={}), content, problem)


def _files(folder: str) -> list[str]:
    """Return the paths whose stamps decide whether an entry is read again."""
    try:
        return [folder, *(f"{folder}/{name}" for name in sorted(os.listdir(folder)))]
    except OSError:
        return [folder]


def _unknown(workspace: Path, name: str) -> UnknownName:
    hint = "Call open_study to begin one."
    return UnknownName("study", name, study_names(workspace), hint)
