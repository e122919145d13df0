"""Forget jobs that ended long ago, so that a workspace of years does not fill up with their logs.

Kept are the newest 1,000 jobs that have ended, all that ended in the last 30 days, and all that
have not ended. Of the others row and folder go: list_jobs shows them no more, their log is gone,
and a request key of theirs makes a new job. Results in sandboxes are not a job's: they stay.

Supervisors do it when their job has ended, some at a time; nobody waits for it. A crash in between
leaves a job without its folder, which the next one forgets.
"""

import shutil
import time

from fumehood_tools.jobs.table import Table

KEPT_JOBS = 1000
KEPT_SECONDS = 30 * 24 * 3600.0
AT_ONCE = 200
ENDED = "status IN ('succeeded','failed','cancelled','lost')"


def prune(table: Table, now: float | None = None, kept: int = KEPT_JOBS) -> int:
    """Forget what need not be kept, 200 jobs at most; return how many. Raises StorageFailed.

    now: seconds since the epoch, by default the time it is.
    """
    before = (time.time() if now is None else now) - KEPT_SECONDS
    oldest_kept = table.number(
        f"SELECT number FROM jobs WHERE {ENDED} ORDER BY number DESC LIMIT 1 OFFSET ?", kept - 1
    )
    old = table.rows(
        f"SELECT id FROM jobs WHERE number<? AND {ENDED} AND finished<? ORDER BY number LIMIT ?",
        *(oldest_kept, before, AT_ONCE),
    )
    for row in old:
        # An id that somebody wrote into the table by hand leads to no folder but a job's.
        if "/" not in row["id"] and not row["id"].startswith("."):
            shutil.rmtree(table.folder(row["id"]), ignore_errors=True)
        table.change(f"DELETE FROM jobs WHERE id=? AND {ENDED}", row["id"])
    return len(old)
