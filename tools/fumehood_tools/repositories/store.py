"""The cache of source trees that all workspaces share: clones, packages and archives.

An entry is a folder with the tree and a description of it. It is made under a temporary name and
renamed when it is complete, under a lock, so that a process that dies half-way leaves no entry and
two processes make one. What a dead process left is removed when the next entry of the same origin
is made. Entries are only read afterwards, and removed by `room` if nobody reads them.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import digest_of, read_json, write_json
from fumehood_tools.locking import exclusive
from fumehood_tools.repositories.checkout import LeftOut
from fumehood_tools.repositories.leases import UNFINISHED, Lease, note_size, use

TREE = "tree"
_FACTS = "entry.json"
_SEEN = "seen.json"


class Entry(NamedTuple):
    """A cached tree. facts: its JSON description. lease: keeps it in the cache."""

    folder: Path
    facts: dict[str, Any]
    lease: Lease | None

    @property
    def tree(self) -> Path:
        """The folder of the files."""
        return self.folder / TREE

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of its plain files, sorted."""
        return tuple(map(_native, self.facts["files"]))

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What is not in it."""
        return tuple(LeftOut(_native(path), reason) for path, reason in self.facts["left_out"])


class Shelf:
    """The entries of one origin: a repository, a package, or an archive."""

    def __init__(self, cache: Path, kind: str, key: str) -> None:
        self.folder = cache / "sources" / kind / digest_of(key)

    @classmethod
    def at(cls, folder: Path) -> "Shelf":
        """Return the shelf in an existing folder."""
        shelf = cls.__new__(cls)
        shelf.folder = folder
        return shelf

    def find(self, name: str, *, counts: bool = True) -> Entry | None:
        """Return an entry that is complete, or None. counts: whether it counts as used now."""
        return _entry_in(self.folder / name, counts=counts)

    def entry(
        self,
        name: str,
        make: Callable[[Path, Path], dict[str, Any]],
        on_wait: Callable[[], None] = lambda: None,
        seconds: float = 900.0,
    ) -> Entry:
        """Return an entry, made if it is missing.

        make: gets an empty folder for the tree and one for work, and returns the facts, with the
        lists `files` and `left_out`. Whatever it raises leaves no entry.
        """
        if (found := self.find(name)) is not None:
            return found
        with exclusive(self.folder / ".lock", on_wait, seconds):
            if (found := self.find(name)) is not None:
                return found
            self._sweep(name)
            try:
                return self._made(name, make)
            except OSError as error:
                raise StorageFailed.from_os_error(error, "Storing source files") from error

    def _made(self, name: str, make: Callable[[Path, Path], dict[str, Any]]) -> Entry:
        draft = Path(tempfile.mkdtemp(dir=self.folder, prefix=UNFINISHED))
        try:
            (draft / TREE).mkdir()
            (draft / "work").mkdir()
            facts = make(draft / TREE, draft / "work")
            shutil.rmtree(draft / "work")
            facts |= {
                "files": [_portable(path) for path in facts["files"]],
                "left_out": [(_portable(path), reason) for path, reason in facts["left_out"]],
            }
            write_json(draft / _FACTS, facts)
            note_size(draft)
            lease = use(draft)
            os.replace(draft, self.folder / name)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return Entry(self.folder / name, facts, lease)

    def _sweep(self, name: str) -> None:
        for left in self.folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def remember(self, label: str, name: str, facts: dict[str, Any]) -> None:
        """Store that a label (a branch, a version) leads to an entry now."""
        with exclusive(self.folder / ".lock"):
            seen = self._seen()
            seen[label] = {"name": name, "at": time.time(), **facts}
            write_json(self.folder / _SEEN, seen)

    def recall(self, label: str) -> dict[str, Any] | None:
        """Return what was stored about a label: the entry's name, and `at`, a Unix time."""
        found = self._seen().get(label)
        return found if isinstance(found, dict) else None

    def labels(self) -> list[str]:
        """Return all labels."""
        return list(self._seen())

    def _seen(self) -> dict[str, Any]:
        try:
            found = read_json(self.folder / _SEEN)
        except StorageFailed:
            return {}
        return found if isinstance(found, dict) else {}


def entries(cache: Path, kind: str) -> Iterator[Entry]:
    """Yield all complete entries of a kind."""
    for facts in sorted((cache / "sources" / kind).glob(f"*/*/{_FACTS}")):
        unfinished = facts.parent.name.startswith(UNFINISHED)
        if not unfinished and (entry := _entry_in(facts.parent, counts=False)) is not None:
            yield entry


def _entry_in(folder: Path, *, counts: bool) -> Entry | None:
    if not (folder / _FACTS).is_file() or (lease := use(folder, counts=counts)) is None:
        return None
    try:
        return Entry(folder, read_json(folder / _FACTS), lease)
    except StorageFailed:
        return None


# Names that are not UTF-8 contain lone surrogates, which JSON files in UTF-8 cannot.
def _portable(path: str) -> str:
    return json.dumps(path) if not path.isascii() or '"' in path else path


def _native(path: str) -> str:
    return str(json.loads(path)) if path.startswith('"') else path
