"""The job table: SQLite in WAL mode, one row per job. Imports little, because supervisors use it.

Statements that change the owner of a job have the expected state in their WHERE clause, so that of
two concurrent callers only the first changes anything. Times are seconds since the epoch. Triggers
maintain tallies of the jobs per status, slot, kind and block of numbers. So counting jobs, or
finding a job's place in the queue, does not get slower as the table grows. Every failure of the
file raises a StorageFailed that names it.
"""

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import make_private
from fumehood_tools.jobs.outcome import JobEnd
from fumehood_tools.jobs.processes import Identity, machine
from fumehood_tools.sqlite_file import FULL, SqliteFile

TABLE_FILE = "jobs.sqlite3"
BLOCK = 256
"""Waiting jobs are tallied in blocks of this many consecutive numbers. A place in the queue is the
sum of the tallies of all earlier blocks, plus a count within one block."""

_BLOCK_OF = f"CASE {{row}}.status WHEN 'queued' THEN {{row}}.number/{BLOCK} ELSE 0 END"


def _tally(row: str) -> str:
    """Return the SQL that adds a trigger's row (NEW or OLD) to the tallies."""
    block = _BLOCK_OF.format(row=row)
    return (
        f"INSERT INTO tallies VALUES({row}.status, {row}.slot, {block}, {row}.kind, 1) "
        "ON CONFLICT DO UPDATE SET jobs=jobs+1;"
    )


def _untally(row: str) -> str:
    """Return the SQL that subtracts a trigger's row from the tallies and deletes empty tallies."""
    same = (
        f"status={row}.status AND slot={row}.slot AND block={_BLOCK_OF.format(row=row)} "
        f"AND kind={row}.kind"
    )
    return (
        f"UPDATE tallies SET jobs=jobs-1 WHERE {same}; DELETE FROM tallies WHERE {same} AND jobs<1;"
    )


_TABLES = (
    """CREATE TABLE jobs(
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, title TEXT NOT NULL, slot TEXT NOT NULL,
        request_key TEXT UNIQUE,
        status TEXT NOT NULL CHECK(status IN
            ('queued','starting','running','succeeded','failed','cancelled','lost')),
        created REAL NOT NULL, claimed REAL, started REAL, finished REAL, heartbeat REAL,
        launches INTEGER NOT NULL DEFAULT 0,
        machine TEXT, supervisor_pid INTEGER, supervisor_born REAL,
        worker_pid INTEGER, worker_born REAL,
        exit_code INTEGER, cancel_wanted INTEGER NOT NULL DEFAULT 0,
        progress TEXT, error TEXT, error_code TEXT)""",
    "CREATE INDEX jobs_by_slot ON jobs(slot, status, number)",
    "CREATE INDEX jobs_by_status ON jobs(status, number)",
    "CREATE INDEX jobs_by_kind ON jobs(kind, number)",
    "CREATE TABLE slots(name TEXT PRIMARY KEY, size INTEGER NOT NULL)",
)
_TALLIES = (
    """CREATE TABLE tallies(
        status TEXT NOT NULL, slot TEXT NOT NULL, block INTEGER NOT NULL, kind TEXT NOT NULL,
        jobs INTEGER NOT NULL, PRIMARY KEY(status, slot, block, kind)) WITHOUT ROWID""",
    f"INSERT INTO tallies SELECT status, slot, {_BLOCK_OF.format(row='jobs')} AS part, kind, "
    "COUNT(*) FROM jobs GROUP BY status, slot, part, kind",
    f"CREATE TRIGGER job_added AFTER INSERT ON jobs BEGIN {_tally('NEW')} END",
    f"CREATE TRIGGER job_removed AFTER DELETE ON jobs BEGIN {_untally('OLD')} END",
    "CREATE TRIGGER job_moved AFTER UPDATE OF status ON jobs WHEN OLD.status<>NEW.status "
    f"BEGIN {_untally('OLD')} {_tally('NEW')} END",
)
_CURES = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_CORRUPT: "The job table {path} is damaged. Move it away and try again: a new "
    "one is created. The logs and results in the jobs' folders are kept.",
    sqlite3.SQLITE_NOTADB: "The job table {path} is damaged. Move it away and try again: a new one "
    "is created. The logs and results in the jobs' folders are kept.",
    sqlite3.SQLITE_BUSY: "The job table {path} is in use by another process. Try again in a "
    "minute.",
    sqlite3.SQLITE_READONLY: "The job table {path} cannot be written. Check the file's "
    "permissions.",
    sqlite3.SQLITE_CANTOPEN: "The job table {path} cannot be opened. Check that its folder exists "
    "and that you have permission to write there.",
    sqlite3.SQLITE_IOERR: "The job table {path} could not be read or written. Check that the disk "
    "is neither full nor failing, then try again.",
}

ACTIVE = "status IN ('starting','running')"


class Table(SqliteFile):
    """One connection to the table, see SqliteFile."""

    what, lock = "the job table", "jobs.lock"
    newer = "Upgrade fumehood or choose another workspace."
    migrations = (_TABLES, _TALLIES)
    cures = _CURES

    def __init__(self, root: Path) -> None:
        super().__init__(root / TABLE_FILE)
        self.root = root
        try:
            make_private(root / "jobs")
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Opening the job table") from error

    def folder(self, job_id: str) -> Path:
        """Return the folder of a job, which need not exist."""
        return self.root / "jobs" / job_id

    def job(self, job_id: str) -> sqlite3.Row | None:
        """Return the row of a job, or None."""
        return self.row("SELECT * FROM jobs WHERE id=?", job_id)

    def count(self, status: str | None = None, kind: str | None = None) -> int:
        """Return the number of jobs, optionally with one status and one kind."""
        return self.number(
            "SELECT SUM(jobs) FROM tallies WHERE (?1 IS NULL OR status=?1) "
            "AND (?2 IS NULL OR kind=?2)",
            status,
            kind,
        )

    def place(self, slot: str, number: int) -> int:
        """Return the place of a waiting job in the queue of its slot; 1 is next."""
        before = "SELECT SUM(jobs) FROM tallies WHERE status='queued' AND slot=? AND block<?"
        here = (
            "SELECT COUNT(*) FROM jobs WHERE slot=? AND status='queued' AND number BETWEEN ? AND ?"
        )
        block = number // BLOCK
        return self.number(before, slot, block) + self.number(here, slot, block * BLOCK, number)

    def set_slots(self, slots: Mapping[str, int]) -> None:
        """Store the number of jobs that may run at once, by slot."""
        known = self.slots()
        for name, size in slots.items():
            if known.get(name) != size:
                self.change("INSERT OR REPLACE INTO slots VALUES(?,?)", name, size)

    def slots(self) -> dict[str, int]:
        """Return the number of jobs that may run at once, by slot."""
        return {row["name"]: row["size"] for row in self.rows("SELECT * FROM slots ORDER BY name")}

    def claim(self) -> str | None:
        """Claim the oldest queued job with room in its slot, to start it; None if there is none."""
        if self._claimable() is None:  # checked without the write lock, where most calls end
            return None
        with self.writing():
            job_id = self._claimable()
            self.change(
                "UPDATE jobs SET status='starting', claimed=?, launches=launches+1 WHERE id=?",
                time.time(),
                job_id,
            )
        return job_id

    def _claimable(self) -> str | None:
        for name, size in self.slots().items():
            busy = self.number(f"SELECT COUNT(*) FROM jobs WHERE slot=? AND {ACTIVE}", name)
            first = "SELECT id FROM jobs WHERE slot=? AND status='queued' ORDER BY number LIMIT 1"
            if busy < size and (row := self.row(first, name)):
                return str(row["id"])
        return None

    def unclaim(self, job_id: str, error: str, most_launches: int) -> None:
        """Put a job without a supervisor back in the queue; fail it after too many launches."""
        waiting = "id=? AND status='starting' AND supervisor_pid IS NULL"
        with self.writing():
            self.change(
                "UPDATE jobs SET status='failed', finished=?, error=?, error_code='not_started' "
                f"WHERE {waiting} AND launches>=?",
                time.time(),
                error,
                job_id,
                most_launches,
            )
            self.change(f"UPDATE jobs SET status='queued' WHERE {waiting}", job_id)

    def take(self, job_id: str, supervisor: Identity) -> bool:
        """Make a process the job's supervisor. Return False if the job is not waiting for one."""
        return (
            self.change(
                "UPDATE jobs SET machine=?, supervisor_pid=?, supervisor_born=?, heartbeat=? "
                "WHERE id=? AND status='starting' AND supervisor_pid IS NULL",
                machine(),
                *supervisor,
                time.time(),
                job_id,
            )
            == 1
        )

    def settle(self, job_id: str, outcome: JobEnd) -> bool:
        """Write the final state of a job. Return False if it already has one."""
        return (
            self.change(
                f"UPDATE jobs SET status=?, error=?, error_code=?, finished=? "
                f"WHERE id=? AND {ACTIVE}",
                outcome.status,
                outcome.error,
                outcome.code,
                time.time(),
                job_id,
            )
            == 1
        )
