"""The file of the journal: SQLite in WAL mode, in the workspace's .fumehood folder.

A commit is on the disk before a call goes out (synchronous=FULL), so that even a power cut leaves
no pod that the journal does not know. Steps can be added, and neither changed nor removed: triggers
see to it. Every failure of the file raises a StorageFailed.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import make_private
from fumehood_tools.locking import exclusive

JOURNAL_FILE = "rentals.sqlite3"
VERSION = 1
BUSY_SECONDS = 20.0

_SCHEMA = (
    """CREATE TABLE rentals(
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        intent TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
        state TEXT NOT NULL CHECK(state IN ('intent','created','booting','ready','busy','idle',
            'terminating','verified_gone','lost','orphan')),
        job TEXT, place TEXT, study TEXT, order_digest TEXT NOT NULL,
        gpu TEXT, gpu_count INTEGER NOT NULL, cloud TEXT,
        quoted_usd_per_hour REAL, price_usd_per_hour REAL, disk_usd_per_hour REAL NOT NULL,
        runtime_s REAL NOT NULL, setup_s REAL NOT NULL, reserved_usd REAL NOT NULL,
        asks INTEGER NOT NULL DEFAULT 0,
        asked_epoch REAL, asked_ticks REAL, boot TEXT, seconds REAL NOT NULL DEFAULT 0,
        pod_id TEXT, written TEXT NOT NULL, created TEXT, ended TEXT, ended_epoch REAL,
        measured_usd REAL NOT NULL DEFAULT 0, billed_usd REAL, stopped INTEGER NOT NULL DEFAULT 0,
        why TEXT NOT NULL DEFAULT '', proof TEXT)""",
    "CREATE UNIQUE INDEX one_per_place ON rentals(place) WHERE ended IS NULL",
    "CREATE INDEX rentals_by_job ON rentals(job)",
    "CREATE INDEX rentals_by_study ON rentals(study)",
    "CREATE INDEX rentals_by_end ON rentals(ended_epoch)",
    """CREATE TABLE steps(
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        intent TEXT NOT NULL, state TEXT NOT NULL, time TEXT NOT NULL, told TEXT NOT NULL)""",
    "CREATE INDEX steps_by_intent ON steps(intent, number)",
    "CREATE TRIGGER steps_stay BEFORE DELETE ON steps "
    "BEGIN SELECT RAISE(ABORT, 'steps are never removed'); END",
    "CREATE TRIGGER steps_are_final BEFORE UPDATE ON steps "
    "BEGIN SELECT RAISE(ABORT, 'steps are never changed'); END",
)


class Database:
    """One connection to the file. A lock lets one thread use it at a time."""

    def __init__(self, state: Path) -> None:
        """Create folder and file if needed, readable only by their owner."""
        self.path = state / JOURNAL_FILE
        self._lock = threading.RLock()
        try:
            make_private(state)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Opening the journal of rentals") from error
        with self._typed():
            self._db = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA synchronous=FULL")
            self._prepare(state)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with self._lock, self._typed():
            return self._db.execute(sql, values).fetchall()

    def change(self, sql: str, *values: Any) -> int:
        """Run one statement; return the number of rows that it changed."""
        with self._lock, self._typed():
            return self._db.execute(sql, values).rowcount

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the write lock: what the block reads stays true until it ends."""
        with self._lock, self._typed():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _prepare(self, state: Path) -> None:
        if self._version() == VERSION:
            return
        with exclusive(state / "rentals.lock"):
            found = self._version()
            if found > VERSION:
                raise StorageFailed(
                    f"{JOURNAL_FILE} was written by a newer fumehood (schema {found}; this version "
                    f"supports {VERSION}). Upgrade fumehood: it may know pods that are billed."
                )
            if found < VERSION:
                self._db.execute("PRAGMA journal_mode=WAL")
                with self.writing():
                    for statement in _SCHEMA:
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version={VERSION}")

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextlib.contextmanager
    def _typed(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            raise StorageFailed(
                f"The journal of rentals, {JOURNAL_FILE}, could not be read or written ({error}). "
                "Check that the disk is not full, and that the file is not damaged. If you move it "
                "away, the reaper finds the pods by their names and lists them as orphans."
            ) from error
