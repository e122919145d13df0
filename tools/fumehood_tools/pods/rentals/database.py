"""The file of the journal: SQLite in WAL mode, in the workspace's .fumehood folder.

A commit is on the disk before a call goes out (synchronous=FULL), so that even a power cut leaves
no pod that the journal does not know. Steps can be added, and neither changed nor removed: triggers
see to it. Every failure of the file raises a StorageFailed.
"""

import sqlite3
from pathlib import Path

from fumehood_tools.pods.configured import JOURNAL_FILE
from fumehood_tools.sqlite_file import FULL, SqliteFile

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


_UNUSABLE = (
    f"The journal of rentals, {JOURNAL_FILE}, could not be read or written. Check that the disk is "
    "not full, and that the file is not damaged. If you move it away, the reaper finds the pods by "
    "their names and lists them as orphans."
)


class Database(SqliteFile):
    """One connection to the journal, see SqliteFile."""

    what, lock = "the journal of rentals", "rentals.lock"
    newer = "Upgrade fumehood: it may know pods that are billed."
    migrations = (_SCHEMA,)
    cures = {
        sqlite3.SQLITE_FULL: FULL,
        **dict.fromkeys(
            (
                sqlite3.SQLITE_CORRUPT,
                sqlite3.SQLITE_NOTADB,
                sqlite3.SQLITE_BUSY,
                sqlite3.SQLITE_READONLY,
                sqlite3.SQLITE_CANTOPEN,
                sqlite3.SQLITE_IOERR,
                sqlite3.SQLITE_CONSTRAINT,
                sqlite3.SQLITE_ERROR,
            ),
            _UNUSABLE,
        ),
    }
    synchronous = "FULL"

    def __init__(self, state: Path) -> None:
        """state: the workspace's .fumehood folder. Raises StorageFailed."""
        super().__init__(state / JOURNAL_FILE)
