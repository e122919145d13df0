"""A SQLite file in WAL mode that several processes and threads share. Imports little.

Every failure of the file raises a StorageFailed that names it and what to do. A newer version of
the schema is refused; an older one is brought up to date by the first process that opens it.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import make_private
from fumehood_tools.locking import exclusive

BUSY_SECONDS = 20.0
FULL = (
    "The disk is full: {path} could not be written; nothing already written is lost. Free some "
    "disk space (fumehood doctor shows the size of the cache), then try again."
)


class SqliteFile:
    """One connection to the file. A lock lets one thread use it at a time.

    what: the file's name in messages. migrations: the statements that lead from each version of the
    schema to the next. synchronous: FULL means that a commit survives a power cut. newer: what to
    do about a file of a newer version. cures: SQLite's primary error code -> message, with {path};
    other errors are raised as they are. lock: the file in the same folder that is held while the
    schema is changed.
    """

    what: ClassVar[str]
    lock: ClassVar[str]
    newer: ClassVar[str]
    migrations: ClassVar[Sequence[Sequence[str]]]
    cures: ClassVar[Mapping[int, str]]
    synchronous: ClassVar[Literal["NORMAL", "FULL"]] = "NORMAL"

    def __init__(self, path: Path) -> None:
        """Create folder and file if needed, readable only by their owner. Raises StorageFailed."""
        self.path = path
        self._lock = threading.RLock()
        self._create_file()
        with self._typed():
            self._db = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._db.row_factory = sqlite3.Row
            self._db.execute(f"PRAGMA synchronous={self.synchronous}")
            self._migrate()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with self._lock, self._typed():
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        return next(iter(self.rows(sql, *values)), None)

    def number(self, sql: str, *values: Any) -> int:
        """Return the single integer that a query yields; 0 for NULL or no row."""
        found = self.row(sql, *values)
        return int(found[0] or 0) if found else 0

    def change(self, sql: str, *values: Any) -> int:
        """Run one statement; return the number of rows that it changed."""
        with self._lock, self._typed():
            return self._db.execute(sql, values).rowcount

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the write lock, so that what the block reads stays valid until it ends."""
        with self._lock, self._typed():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite rolls back by itself if the disk is full
                    self._db.execute("ROLLBACK")
                raise

    def _create_file(self) -> None:
        try:
            make_private(self.path.parent)
            # Never open an existing database here. Closing it would release the POSIX locks that
            # SQLite holds on it for another connection of this process.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise StorageFailed.from_os_error(error, f"Opening {self.what}") from error

    def _migrate(self) -> None:
        newest = len(self.migrations)
        if self._version() == newest:
            return
        with exclusive(self.path.parent / self.lock):
            found = self._version()
            if found > newest:
                raise StorageFailed(
                    f"{self.path} was written by a newer fumehood (schema {found}; this version "
                    f"supports {newest}). {self.newer}"
                )
            if found < newest:
                self._db.execute("PRAGMA journal_mode=WAL")
                with self.writing():
                    for statements in self.migrations[found:]:
                        for statement in statements:
                            self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version={newest}")

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextlib.contextmanager
    def _typed(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            # The low byte is SQLite's primary error code. Errors of the Python module have none.
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code not in self.cures:
                raise
            raise StorageFailed(f"{self.cures[code].format(path=self.path)} ({error})") from error
