"""Delete old jobs, so that their logs do not fill the workspace over the years.

The newest 1,000 ended jobs, all jobs that ended in the last 30 days, and all jobs that have not
ended are kept. The rows and folders of the others are deleted: list_jobs no longer shows them,
their logs are gone, and their request keys start new jobs. Results in sandboxes are not deleted.

Each supervisor deletes some old jobs after its own job has ended, so nobody waits for it. A crash
in between leaves a row without a folder, which the next supervisor deletes.
"""

import shutil
import time

from fumehood_tools.jobs.table import Table

KEPT_JOBS = 1000
KEPT_SECONDS = 30 * 24 * 3600.0
AT_ONCE = 200
ENDED = "status IN ('succeeded','failed','cancelled','lost')"


def prune(table: Table, now: float | None = None, kept: int = KEPT_JOBS) -> int:
    """Delete at most 200 old jobs; return their number. Raises StorageFailed.

    now: seconds since the epoch, by default the current time. kept: how many ended jobs to keep.
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
        # Only delete folders of jobs, even if somebody put another id into the table by hand.
        if "/" not in row["id"] and not row["id"].startswith("."):
            shutil.rmtree(table.folder(row["id"]), ignore_errors=True)
        table.change(f"DELETE FROM jobs WHERE id=? AND {ENDED}", row["id"])
    return len(old)
