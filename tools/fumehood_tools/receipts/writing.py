"""Write a signed record with its files, atomically, and enter it in the ledger.

The steps, in this order:
1. The record is written to a temporary folder next to its place.
2. With a lock that admits one writer at a time: if an old record is at the place, the ledger gets a
   line that it is superseded; the folder is renamed into place; the ledger gets a line that the new
   record was written.
A crash between the rename and the last line leaves a valid receipt that is not in the ledger. The
next writer under that place enters it (`LedgerReader.adopt`).
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.files import sha256_of, write_bytes, write_json
from fumehood_tools.locking import exclusive
from fumehood_tools.receipts.files import is_plain
from fumehood_tools.receipts.folders import Book
from fumehood_tools.receipts.ledger import Entry, append, make_key
from fumehood_tools.receipts.places import STATE, checked, is_under, matches
from fumehood_tools.receipts.reader import RECORDS_LOCK, LedgerReader
from fumehood_tools.receipts.signing import mac_of, sign
from fumehood_tools.receipts.trials import trial_word
from fumehood_tools.registry.kinds import RecordKind, kind_named, kinds
from fumehood_tools.registry.lookup import check_measured, metrics_in


class Subject(NamedTuple):
    """The record that another record is about: its place, and the MAC of its receipt."""

    place: str
    receipt: str


class Draft(NamedTuple):
    """A record to be written.

    place: its folder, see `places.py`. content: the record, as JSON. files: name -> bytes, or the
    path of a file to copy.
    """

    kind: str
    place: str
    content: Mapping[str, Any]
    files: Mapping[str, bytes | Path] = {}
    subject: Subject | None = None


class RecordWriter:
    """Writes records under one place of a workspace. Creates the workspace's key if necessary."""

    def __init__(self, workspace: Path, under: str) -> None:
        """Enter records that a crash left out of the ledger. Raises StorageFailed."""
        self.workspace, self.under = workspace, under
        self.key = make_key(workspace / STATE)
        self._ledger = LedgerReader(workspace / STATE)
        self._ledger.adopt(under)

    def book(self) -> Book:
        """Return the current key and ledger lines under the place, to check receipts against."""
        return self._ledger.book(self.under)

    def write(self, draft: Draft) -> dict[str, Any]:
        """Write a record and return it, signed. It replaces whatever is at its place.

        Raises UnknownName for a kind that is not registered; BadRequest for a place outside the
        writer's, a file name that is not plain, or metrics that the kind does not have;
        StorageFailed.
        """
        kind, place = kind_named(draft.kind), checked(draft.place)
        if not is_under(place, self.under):
            raise BadRequest(f"{place} is not under {self.under}. Open a RecordWriter for it.")
        if not matches(place, kind.places):
            raise BadRequest(
                f"A record of kind {kind.name} cannot be at {place}. Choose a place like "
                f"{kind.places}."
            )
        for name in draft.files:
            if not is_plain(name) or name in {kind.file, *(other.file for other in kinds())}:
                raise BadRequest(f"{name!r} cannot be a file of a record. Use a plain file name.")
        if kind.measures:
            _check_metrics(kind, draft.content)
        target = self.workspace / place
        with _new_folder(target) as folder:
            signed = sign(_with_files(draft, folder), self.key, kind.name, place)
            write_json(folder / kind.file, signed)
            written = Entry("written", kind.name, place, mac_of(signed))
            self._put(folder, target, written._replace(trial=trial_word(kind.name, signed)))
        return signed

    def begin(self, kind: str, place: str, content: Mapping[str, Any]) -> None:
        """Enter into the ledger that a training begins whose outcome will be at a place.

        content: of the record that it may become, as far as its trial word needs it. Raises
        StorageFailed.
        """
        entry = Entry("begun", kind, checked(place), "", trial_word(kind, content))
        append(self.workspace / STATE, self.key, [entry])

    def _put(self, folder: Path, target: Path, written: Entry) -> None:
        """Rename a folder into place and append its entry, under the lock of all writers."""
        state = self.workspace / STATE
        with exclusive(state / RECORDS_LOCK):
            old = self.book().standing.get(written.place)
            if old is not None:
                # Written before the old record is removed, so that a crash in between does not
                # look like a deletion.
                gone = Entry("supersede", old.kind, written.place, old.receipt)
                append(state, self.key, [gone])
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target, ignore_errors=True)
            else:
                target.unlink(missing_ok=True)
            os.rename(folder, target)
            append(state, self.key, [written])


def _check_metrics(kind: RecordKind, content: Mapping[str, Any]) -> None:
    measured = content.get("metrics")
    if not isinstance(measured, Mapping):
        raise BadRequest(f"A record of kind {kind.name} needs metrics: {{key: value}}. Add them.")
    try:
        check_measured(kind, measured, metrics_in(kind, content))
    except ValueError as error:
        raise BadRequest(
            f"The metrics of this {kind.name} are wrong: {error}. Correct them."
        ) from error


def _with_files(draft: Draft, folder: Path) -> dict[str, Any]:
    """Write the files of a record to a folder; return the content with `files`, `subject_of`."""
    files = {}
    for name, source in sorted(draft.files.items()):
        target = folder / name
        if isinstance(source, bytes):
            write_bytes(target, source)
        else:
            shutil.copyfile(source, target)
        files[name] = {"sha256": sha256_of(target), "bytes": target.stat().st_size}
    content = {**draft.content, "files": files}
    return content if draft.subject is None else {**content, "subject_of": draft.subject._asdict()}


@contextlib.contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """Yield a new temporary folder next to target. It is removed if it still exists at the end."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".new-"))
        try:
            os.chmod(temporary, 0o755)
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Writing the record {target.name}") from error
