"""The public interface to jobs: submit, get, list, read the log, cancel.

Every read also settles the jobs that it sees: a job with a killed supervisor becomes lost, and a
queued job starts if its slot is free. A read takes well under 1 ms, a start 0.1 s. Threads may
share a store, and many processes may each open one on the same folder.
"""

import json
import math
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from fumehood_tools.cursors import cursor_of, offset_of
from fumehood_tools.errors import BadRequest, StorageFailed, UnknownName
from fumehood_tools.files import write_json
from fumehood_tools.jobs.log_pages import read_page
from fumehood_tools.jobs.models import Job, JobPage, LogPage, Progress, Status
from fumehood_tools.jobs.outcome import read_object
from fumehood_tools.jobs.queue import pump, reconcile
from fumehood_tools.jobs.table import Table
from fumehood_tools.wings.declared import slots_of
from fumehood_tools.wings.table import DECLARED

DEFAULT_SLOTS = slots_of(DECLARED)
MOST_JOBS = 100
MOST_LINES = 1000
WAITING = ("queued", "starting", "running")


class JobStore:
    """The jobs of one workspace.

    `slots` maps the name of a slot to the number of jobs that may run in it at once. It is stored
    in the table, so that supervisors obey it too. If omitted, the stored values are used, and for
    slots without one the `defaults`, which the wings declare.
    """

    def __init__(
        self,
        root: Path,
        slots: Mapping[str, int] | None = None,
        *,
        defaults: Mapping[str, int] = DEFAULT_SLOTS,
    ) -> None:
        """Create folder and table if needed. Raises StorageFailed, and BadRequest on Windows."""
        if os.name == "nt":
            raise BadRequest("Jobs need POSIX processes. Run fumehood inside WSL.")
        if slots is not None and (not slots or any(size < 1 for size in slots.values())):
            raise BadRequest("Every slot must allow one job or more. Name at least one slot.")
        self._table = Table(Path(root).absolute())
        if slots is not None:
            self._table.set_slots(slots)
        else:
            self._table.set_slots({**defaults, **self._table.slots()})

    def close(self) -> None:
        """Close the table. Running jobs continue."""
        self._table.close()

    def submit(
        self,
        kind: str,
        argv: Sequence[str],
        *,
        title: str,
        slot: str = "cpu",
        request_key: str | None = None,
        timeout_s: float | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | str | None = None,
        files: Mapping[str, Any] | None = None,
    ) -> Job:
        """Queue a program, which starts when its slot is free. It does not need this process.

        If request_key was used before and that job waits, runs or has succeeded, that job is
        returned. If it failed, was cancelled or was lost, a new job is created. `env` is added to
        the environment of the process that starts the job, which may be the supervisor of another
        job, so pass every variable that the program needs. cwd is the job's folder by default.
        files: name -> content, written to the job's folder as JSON, for what is too long for argv
        or should not appear in lists of processes. timeout_s is in seconds.

        Raises BadRequest, StorageFailed.
        """
        self._check(kind, argv, slot, timeout_s)
        spec = {
            "argv": list(argv),
            "cwd": None if cwd is None else str(Path(cwd).absolute()),
            "env": dict(env or {}),
            "timeout_s": timeout_s,
        }
        reconcile(self._table)
        with self._table.writing():
            job_id = self._job_of_key(request_key)
            if job_id is None:
                job_id = self._insert(kind, title, slot, request_key, spec, files or {})
        pump(self._table)
        return self.get(job_id)

    def get(self, job_id: str) -> Job:
        """Return the current state of a job. Raises UnknownName."""
        row = self._row(job_id)
        if row["status"] in ("starting", "running"):
            if reconcile(self._table, job_id):
                pump(self._table)
            row = self._row(job_id)
        elif row["status"] == "queued":
            pump(self._table)
            row = self._row(job_id)
        return self._job(row)

    def list(
        self,
        status: Status | None = None,
        kind: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> JobPage:
        """Return jobs, newest first. Raises BadRequest for a bad limit, status or cursor."""
        if not 1 <= limit <= MOST_JOBS:
            raise BadRequest(f"limit must be from 1 to {MOST_JOBS}, not {limit}.")
        if status is not None and status not in get_args(Status):
            raise BadRequest(
                f"There is no status {status!r}. Known: {', '.join(get_args(Status))}."
            )
        pump(self._table)
        filters = {"status": status, "kind": kind}
        wanted = {name: value for name, value in filters.items() if value is not None}
        where = " AND ".join([f"{name}=?" for name in wanted] or ["1"])
        below = offset_of(cursor, "jobs") if cursor else 2**62
        rows = self._table.rows(
            f"SELECT * FROM jobs WHERE {where} AND number<? ORDER BY number DESC LIMIT ?",
            *wanted.values(),
            below,
            limit + 1,
        )
        page = rows[:limit]
        return JobPage(
            jobs=tuple(self._job(row) for row in page),
            total=self._table.count(status, kind),
            next_cursor=cursor_of("jobs", page[-1]["number"]) if len(rows) > limit else None,
        )

    def files(self, kind: str, name: str) -> Iterator[dict[str, Any]]:
        """Yield a JSON file of every job of a kind that is still in the table, see `submit`."""
        for row in self._table.rows("SELECT id FROM jobs WHERE kind=?", kind):
            if (content := read_object(self._table.folder(row["id"]) / name)) is not None:
                yield content

    def cancel(self, job_id: str) -> Job:
        """Stop a job: at once if it waits, within seconds if it runs. Raises UnknownName.

        A job that has ended is not changed.
        """
        self._row(job_id)
        with self._table.writing():
            self._table.change("UPDATE jobs SET cancel_wanted=1 WHERE id=?", job_id)
            self._table.change(
                "UPDATE jobs SET status='cancelled', finished=? WHERE id=? AND "
                "(status='queued' OR (status='starting' AND supervisor_pid IS NULL))",
                time.time(),
                job_id,
            )
        return self.get(job_id)

    def read_log(
        self,
        job_id: str,
        offset: int | None = None,
        limit_lines: int = 100,
        contains: str | None = None,
    ) -> LogPage:
        """Return the last lines of a job's output, or the first lines from a byte offset.

        contains: return only lines with this text. Raises UnknownName, BadRequest.
        """
        if not 1 <= limit_lines <= MOST_LINES:
            raise BadRequest(f"limit_lines must be from 1 to {MOST_LINES}, not {limit_lines}.")
        ended = self._row(job_id)["status"] not in WAITING
        path = self._table.folder(job_id) / "output.log"
        return read_page(path, ended, offset, limit_lines, contains)

    def pump(self) -> None:
        """Settle lost jobs and start queued ones. Call it when a server starts."""
        pump(self._table)

    def folder(self, job_id: str) -> Path:
        """Return the folder of a job. Raises UnknownName."""
        self._row(job_id)
        return self._table.folder(job_id)

    def _check(self, kind: str, argv: Sequence[str], slot: str, timeout_s: float | None) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", kind):
            raise BadRequest(
                f"kind {kind!r} must be a lower-case word of at most 32 letters, digits and "
                "underscores."
            )
        if isinstance(argv, str) or not argv or any("\0" in word for word in argv):
            raise BadRequest("argv must be a list of strings that starts with the program.")
        if timeout_s is not None and not 0 < timeout_s < math.inf:
            raise BadRequest(f"timeout_s must be more than 0 seconds, not {timeout_s}.")
        if slot not in (slots := self._table.slots()):
            raise BadRequest(f"There is no slot {slot!r}. Known: {', '.join(slots)}.")

    def _job_of_key(self, request_key: str | None) -> str | None:
        """Return the job with this request key; take the key from a job that did not succeed."""
        row = self._table.row("SELECT * FROM jobs WHERE request_key=?", request_key)
        if row is None:
            return None
        alive = row["status"] in WAITING and not row["cancel_wanted"]
        if alive or row["status"] == "succeeded":
            return str(row["id"])
        self._table.change("UPDATE jobs SET request_key=NULL WHERE id=?", row["id"])
        return None

    def _insert(
        self,
        kind: str,
        title: str,
        slot: str,
        request_key: str | None,
        spec: Mapping[str, Any],
        files: Mapping[str, Any],
    ) -> str:
        job_id = f"{kind}-{secrets.token_hex(5)}"
        folder = self._table.folder(job_id)
        try:
            folder.mkdir(mode=0o700)
            for name, content in {**files, "spec.json": spec}.items():
                write_json(folder / name, content)
            self._table.change(
                "INSERT INTO jobs(id, kind, title, slot, request_key, status, created) "
                "VALUES(?,?,?,?,?,'queued',?)",
                *(job_id, kind, title, slot, request_key, time.time()),
            )
        except (OSError, StorageFailed) as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError):
                raise StorageFailed.from_os_error(error, "Creating the job's folder") from error
            raise
        return job_id

    def _row(self, job_id: str) -> sqlite3.Row:
        row = self._table.job(job_id)
        if row is None:
            raise UnknownName("job", job_id, self._alternatives(job_id), "Call list_jobs.")
        return row

    def _alternatives(self, job_id: str) -> tuple[str, ...]:
        """Return the newest jobs of the kind that an id names; of all kinds if it names none."""
        kind = re.match(r"([a-z_]+)-[0-9a-f]+$", job_id.lower())
        which, values = ("WHERE kind=?", [kind[1]]) if kind else ("", [])
        query = f"SELECT id FROM jobs {which} ORDER BY number DESC LIMIT 12"
        return tuple(str(row["id"]) for row in self._table.rows(query, *values))

    def _job(self, row: sqlite3.Row) -> Job:
        ended = row["status"] not in WAITING
        result = self._table.folder(row["id"]) / "result.json"
        until, place = row["finished"] if ended else time.time(), self._table.place
        return Job(
            job_id=row["id"],
            kind=row["kind"],
            title=row["title"],
            status=row["status"],
            created=_iso(row["created"]) or "",
            started=_iso(row["started"]),
            finished=_iso(row["finished"]),
            progress=_progress(row["progress"]),
            exit_code=row["exit_code"],
            error=row["error"],
            error_code=row["error_code"],
            queue_position=place(row["slot"], row["number"]) if row["status"] == "queued" else None,
            result=read_object(result) if ended else None,
            seconds=None if row["started"] is None else round(max(0, until - row["started"]), 3),
        )


def _progress(text: str | None) -> Progress | None:
    try:
        return None if text is None else Progress.model_validate(json.loads(text))
    except ValidationError:  # the worker wrote it; an invalid report must not make a read fail
        return None


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
