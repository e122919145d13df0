"""The queue moves: settle what lost its supervisor, start what has room.

Called by anyone who holds a table; there is no daemon. Two callers at once do no harm.
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
"""A claimed job without a supervisor goes back to the queue after this: its launcher has died."""

SILENT_SECONDS = 60.0
"""A supervisor whose pid we cannot see (another container, an earlier boot) is judged by this."""


def pump(table: Table) -> None:
    """Start queued jobs while their slots have room. Costs 0.1 s per job started, else < 1 ms."""
    reconcile(table)
    while (job_id := table.claim()) is not None:
        try:
            start_supervisor(table.root, table.folder(job_id), job_id)
        except RunFailed as error:
            table.unclaim(job_id, f"{error} {AGAIN}", MOST_LAUNCHES)
            return


def reconcile(table: Table, job_id: str | None = None) -> bool:
    """Settle active jobs (or this one) whose supervisor is gone; tell whether a slot came free.

    A worker left behind is killed first, with what it started.
    """
    freed = False
    query = f"SELECT * FROM jobs WHERE {ACTIVE}"
    for row in table.rows(query) if job_id is None else table.rows(f"{query} AND id=?", job_id):
        if row["supervisor_pid"] is None:
            if time.time() - row["claimed"] > BOOT_SECONDS:
                text = f"Its supervisor never came up; see supervisor.log. {AGAIN}"
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
    now = table.job(row["id"])  # its supervisor may have settled it and ended since
    if now is None:
        return False
    folder, cancelled = table.folder(row["id"]), bool(now["cancel_wanted"])
    return table.settle(row["id"], orphan_outcome(folder, now["exit_code"], cancelled))
