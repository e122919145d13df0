"""The job table: SQLite in WAL mode, one row per job. Light: a supervisor imports it.

Statements that change who owns a job carry the state they expect in their WHERE, so that whoever
comes second changes nothing. Times in the table are seconds since the epoch. How many jobs there
are, and how many wait before one, is kept by triggers: no statement counts what only grows.
Every failure of the file is a StorageFailed that names it.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fumehood_tools.errors import StorageFailed
from fumehood_tools.jobs.outcome import JobEnd
from fumehood_tools.jobs.processes import Identity, machine
from fumehood_tools.locking import exclusive

BUSY_SECONDS = 20.0
BLOCK = 256
"""Waiting jobs are tallied by blocks of so many numbers, so that a place is counted within one."""

_BLOCK_OF = f"CASE {{row}}.status WHEN 'queued' THEN {{row}}.number/{BLOCK} ELSE 0 END"


def _tally(row: str) -> str:
    """Return the statement that counts a row of a trigger in."""
    block = _BLOCK_OF.format(row=row)
    return (
        f"INSERT INTO tallies VALUES({row}.status, {row}.slot, {block}, {row}.kind, 1) "
        "ON CONFLICT DO UPDATE SET jobs=jobs+1;"
    )


def _untally(row: str) -> str:
    """Return the statements that count a row of a trigger out; a tally of nothing is dropped."""
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
MIGRATIONS = (_TABLES, _TALLIES)
"""What leads from each version of the table to the next."""

VERSION = len(MIGRATIONS)
ACTIVE = "status IN ('starting','running')"


class Table:
    """One connection, used by one thread at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "jobs.sqlite3"
        self._lock = threading.RLock()
        self._create_file()
        with self._typed():
            self._db = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._prepare()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def folder(self, job_id: str) -> Path:
        """Return the folder of a job, whether it exists or not."""
        return self.root / "jobs" / job_id

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with self._lock, self._typed():
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row of a query."""
        return next(iter(self.rows(sql, *values)), None)

    def number(self, sql: str, *values: Any) -> int:
        """Return the one integer a query answers with; 0 for NULL."""
        found = self.row(sql, *values)
        return int(found[0] or 0) if found else 0

    def change(self, sql: str, *values: Any) -> int:
        """Run one statement; return how many rows it changed."""
        with self._lock, self._typed():
            return self._db.execute(sql, values).rowcount

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the table's write lock: what is read inside stays true until the end."""
        with self._lock, self._typed():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk ends it by itself
                    self._db.execute("ROLLBACK")
                raise

    def job(self, job_id: str) -> sqlite3.Row | None:
        """Return the row of a job."""
        return self.row("SELECT * FROM jobs WHERE id=?", job_id)

    def count(self, status: str | None = None, kind: str | None = None) -> int:
        """Return how many jobs there are, of one status and kind where these are given."""
        return self.number(
            "SELECT SUM(jobs) FROM tallies WHERE (?1 IS NULL OR status=?1) "
            "AND (?2 IS NULL OR kind=?2)",
            status,
            kind,
        )

    def place(self, slot: str, number: int) -> int:
        """Return the place in the queue of its slot that a waiting job's number has; 1 is next."""
        before = "SELECT SUM(jobs) FROM tallies WHERE status='queued' AND slot=? AND block<?"
        here = (
            "SELECT COUNT(*) FROM jobs WHERE slot=? AND status='queued' AND number BETWEEN ? AND ?"
        )
        block = number // BLOCK
        return self.number(before, slot, block) + self.number(here, slot, block * BLOCK, number)

    def set_slots(self, slots: Mapping[str, int]) -> None:
        """Store how many jobs may run at once in each slot."""
        known = self.slots()
        for name, size in slots.items():
            if known.get(name) != size:
                self.change("INSERT OR REPLACE INTO slots VALUES(?,?)", name, size)

    def slots(self) -> dict[str, int]:
        """Return how many jobs may run at once in each slot."""
        return {row["name"]: row["size"] for row in self.rows("SELECT * FROM slots ORDER BY name")}

    def claim(self) -> str | None:
        """Take the oldest queued job whose slot has room, for starting; None when there is none."""
        if self._claimable() is None:  # without the write lock: most calls end here
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
        """Put a job back whose supervisor never came; fail it after too many launches."""
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
        """Make this process the job's supervisor; False when the job is not waiting for one."""
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
        """Write the last state of a job; False when someone did it before."""
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

    def _create_file(self) -> None:
        """Make folder and file for our eyes only."""
        try:
            (self.root / "jobs").mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(PermissionError):  # somebody else's folder that we may use
                self.root.chmod(0o700)
            # Never open an existing database here: closing it would drop the locks that SQLite
            # holds on it for another store of this process.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Opening the job table") from error

    def _prepare(self) -> None:
        if self._version() == VERSION:
            return
        with exclusive(self.root / "jobs.lock"):
            found = self._version()
            if found > VERSION:
                raise StorageFailed(
                    f"{self.path} was written by a newer fumehood (schema {found}, this one knows "
                    f"{VERSION}). Upgrade fumehood or choose another workspace."
                )
            if found < VERSION:
                self._db.execute("PRAGMA journal_mode=WAL")
                with self.writing():
                    for statements in MIGRATIONS[found:]:
                        for statement in statements:
                            self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version={VERSION}")

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextlib.contextmanager
    def _typed(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            # The low byte is the primary code; errors of the Python module itself have none.
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code not in _CURES:
                raise
            raise StorageFailed(f"{_CURES[code].format(path=self.path)} ({error})") from error


_CURES = {
    sqlite3.SQLITE_FULL: (
        "The disk is full: {path} could not be written; nothing already written is lost. Free some "
        "disk space (fumehood doctor shows what the cache holds), then repeat."
    ),
    sqlite3.SQLITE_CORRUPT: "The job table {path} is damaged. Move it away and repeat: a new one "
    "is made; the jobs' folders beside it keep their logs and results.",
    sqlite3.SQLITE_NOTADB: "The job table {path} is damaged. Move it away and repeat: a new one is "
    "made; the jobs' folders beside it keep their logs and results.",
    sqlite3.SQLITE_BUSY: "The job table {path} is in use by another process. Repeat in a minute.",
    sqlite3.SQLITE_READONLY: "The job table {path} may not be written. Check its rights.",
    sqlite3.SQLITE_CANTOPEN: "The job table {path} cannot be opened. Check path and rights.",
    sqlite3.SQLITE_IOERR: "The job table {path} could not be read or written. Check that the disk "
    "is neither full nor failing, then repeat.",
}
