"""Enter the task, questions and answers of a hunt, count them, and read them again. Light.

What counts is the ledger of receipts: an entry that was edited or removed still counts as a
question or an answer. Numbers are given under a lock, so two servers count together.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.hunts.records import (
    ANSWER,
    KIND_OF,
    MODELS,
    OPENED,
    PROBE,
    Content,
    HuntAnswer,
    HuntOpened,
    HuntProbe,
    HuntScore,
)
from fumehood_tools.locking import exclusive
from fumehood_tools.receipts import Book, Draft, RecordWriter, mac_of, open_book, read_folder
from fumehood_tools.receipts.files import changed
from fumehood_tools.receipts.places import STATE, places_on_disk

HUNTS, ENTRIES = "hunts", "entries"
HUNT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MOST_ENTRIES = 9_999
_LOCK = "hunts.{name}.lock"
_ENTRY = re.compile(r"(\d{4})-([a-z_]+)-([0-9a-z]+)")

C = TypeVar("C", bound=Content)


class Entry(NamedTuple):
    """One entry. content: None if it cannot be trusted."""

    number: int
    kind: str
    tag: str
    place: str
    receipt: str = ""
    content: Content | None = None


class Hunt(NamedTuple):
    """A hunt as it was read. entries: also those that are gone or were edited."""

    name: str
    entries: tuple[Entry, ...]

    def only(self, model: type[C]) -> list[C]:
        """Return the sound entries of one kind, in order."""
        return [e.content for e in self.entries if isinstance(e.content, model)]

    @property
    def opened(self) -> HuntOpened:
        """The task. Raises BadRequest if its entry is gone or was edited."""
        found = self.only(HuntOpened)
        if not found:
            raise BadRequest(
                f"The task of the hunt {self.name} is gone or was edited. Restore its first "
                "entry, or open a new hunt: it counts as a further try."
            )
        return found[0]

    def used(self, repeat: int | None = None) -> int:
        """Return how many questions were asked, in one repeat or in all."""
        return sum(
            e.kind == PROBE and (repeat is None or e.tag == str(repeat)) for e in self.entries
        )

    def left(self, repeat: int) -> int:
        """Return how many questions a repeat has left."""
        return max(0, self.opened.questions - self.used(repeat))

    def answer(self, repeat: int) -> HuntAnswer | None:
        """Return the answer to a repeat, if there is one that can be trusted."""
        return next((one for one in self.only(HuntAnswer) if one.repeat == repeat), None)

    def is_answered(self, repeat: int) -> bool:
        """Whether a repeat was answered, also if that entry is gone."""
        return any(e.kind == ANSWER and e.tag == str(repeat) for e in self.entries)

    def probes(self, repeat: int) -> list[HuntProbe]:
        """Return the questions of a repeat whose entries are sound."""
        return [one for one in self.only(HuntProbe) if one.repeat == repeat]

    @property
    def score(self) -> HuntScore | None:
        """The score, once there is one."""
        found = self.only(HuntScore)
        return found[-1] if found else None


def alone(workspace: Path, name: str) -> AbstractContextManager[None]:
    """Return the lock that is held while entries of a hunt are counted and written."""
    return exclusive(workspace / STATE / _LOCK.format(name=name))


def hunt_names(workspace: Path) -> list[str]:
    """Return the names of all hunts whose folder exists, sorted."""
    folders = (workspace / HUNTS).glob(f"*/{ENTRIES}")
    return sorted(one.parent.name for one in folders if HUNT_NAME.fullmatch(one.parent.name))


def read_hunt(workspace: Path, name: str) -> Hunt:
    """Return a hunt. Raises UnknownName if it never existed, StorageFailed."""
    book = open_book(workspace / STATE)
    entries = list(_entries(workspace, name, book)) if HUNT_NAME.fullmatch(name) else []
    if not entries:
        hint = "Call open_hunt with an SAE to begin one."
        raise UnknownName("hunt", name, hunt_names(workspace), hint)
    return Hunt(name, tuple(entries))


def earlier_hunts(workspace: Path, tag: str) -> list[Hunt]:
    """Return the hunts with this tag (SAE and family), also those whose folders are gone."""
    book = open_book(workspace / STATE)
    names = {
        parts[1]
        for place in {*book.standing, *places_on_disk(workspace, HUNTS)}
        if (parts := place.split("/"))[0] == HUNTS and place.endswith(f"-{OPENED}-{tag}")
    }
    return [Hunt(name, tuple(_entries(workspace, name, book))) for name in sorted(names)]


def enter(workspace: Path, name: str, tag: str, content: Content) -> Entry:
    """Append an entry. The caller holds the lock. Raises BadRequest when full, StorageFailed."""
    under, kind = f"{HUNTS}/{name}", KIND_OF[type(content)]
    writer = RecordWriter(workspace, under)
    places = {*writer.book().standing, *places_on_disk(workspace, under)}
    numbers = [int(found[1]) for place in places if (found := _named(place))]
    number = max(numbers, default=0) + 1
    if number > MOST_ENTRIES:
        raise BadRequest(f"The hunt {name} has {MOST_ENTRIES:,} entries. Open a new one.")
    place = f"{under}/{ENTRIES}/{number:04d}-{kind}-{tag}"
    signed = writer.write(Draft(kind, place, content.model_dump(mode="json")))
    return Entry(number, kind, tag, place, mac_of(signed), content)


def _entries(workspace: Path, name: str, book: Book) -> Iterator[Entry]:
    under = f"{HUNTS}/{name}/"
    there = places_on_disk(workspace, under.rstrip("/"))
    for place in sorted({*there, *(one for one in book.standing if one.startswith(under))}):
        if found := _named(place):
            yield _entry(workspace, place, found, book)


def _entry(workspace: Path, place: str, named: re.Match[str], book: Book) -> Entry:
    bare = Entry(int(named[1]), named[2], named[3], place)
    held = read_folder(workspace, place, book)
    if held is None or held.problem is not None or held.kind != bare.kind or book.broken:
        return bare
    if changed(held.kind, held.record, f"{workspace}/{place}"):
        return bare
    try:
        content = MODELS[held.kind].model_validate(held.record)
    except ValidationError:
        return bare
    return bare._replace(receipt=mac_of(held.record), content=content)


def _named(place: str) -> re.Match[str] | None:
    found = _ENTRY.fullmatch(place.rpartition("/")[2])
    return found if found and found[2] in MODELS else None
