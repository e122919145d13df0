"""Advance the queue: settle jobs without a supervisor, and start jobs while there is room.

There is no daemon: any process with an open table calls this. Concurrent calls are safe.
"""

import sqlite3
import time

from fumehood_tools.errors import RunFailed
from fumehood_tools.jobs.launch import start_supervisor
from fumehood_tools.jobs.outcome import AGAIN, orphan_outcome
from fumehood_tools.jobs.processes import Identity, is_alive, kill_job, machine
from fumehood_tools.jobs.table import ACTIVE, Table

MOST_LAUNCHES = 3
BOOT_SECONDS = 90.0
"""A claimed job that has no supervisor after this time goes back to the queue: its launcher died.
"""

SILENT_SECONDS = 60.0
"""A supervisor with a pid that we cannot see (another container, an earlier boot) counts as dead
when its heartbeat is older than this."""


def pump(table: Table) -> None:
    """Start queued jobs while their slots have room. Takes 0.1 s per started job, else < 1 ms."""
    reconcile(table)
    while (job_id := table.claim()) is not None:
        try:
            start_supervisor(table.root, table.folder(job_id), job_id)
        except RunFailed as error:
            table.unclaim(job_id, f"{error} {AGAIN}", MOST_LAUNCHES)
            return


def reconcile(table: Table, job_id: str | None = None) -> bool:
    """Settle active jobs (or only job_id) without a living supervisor.

    A worker that is still running is killed first, with all processes that it started. Returns
    whether a slot became free.
    """
    freed = False
    query = f"SELECT * FROM jobs WHERE {ACTIVE}"
    for row in table.rows(query) if job_id is None else table.rows(f"{query} AND id=?", job_id):
        if row["supervisor_pid"] is None:
            if time.time() - row["claimed"] > BOOT_SECONDS:
                text = (
                    "The job's supervisor never started. See supervisor.log in the job's folder. "
                    f"{AGAIN}"
                )
                table.unclaim(row["id"], text, MOST_LAUNCHES)
                freed = True
        elif not _is_watched(row):
            freed |= _settle_orphan(table, row)
    return freed


def _is_watched(row: sqlite3.Row) -> bool:
    if row["machine"] != machine():
        return time.time() - float(row["heartbeat"]) < SILENT_SECONDS
    return is_alive(Identity(row["supervisor_pid"], row["supervisor_born"]))


def _settle_orphan(table: Table, row: sqlite3.Row) -> bool:
    worker = None
    if row["worker_pid"] is not None and row["machine"] == machine():
        worker = Identity(row["worker_pid"], row["worker_born"])
    kill_job(row["id"], worker)
    now = table.job(row["id"])  # the supervisor may have settled the job before it ended
    if now is None:
        return False
    folder, cancelled = table.folder(row["id"]), bool(now["cancel_wanted"])
    return table.settle(row["id"], orphan_outcome(folder, now["exit_code"], cancelled))
