"""Which jobs still need their pods, according to the job table."""

from pathlib import Path

from fumehood_tools.jobs.queue import reconcile
from fumehood_tools.jobs.table import TABLE_FILE, Table
from fumehood_tools.pods.rentals.clock import Clock

LOST_GRACE_SECONDS = 600.0
"""How long the pods of a lost job live on: a job that is started again takes them over."""
_NEEDS = ("queued", "starting", "running")


class Jobs:
    """The jobs of a workspace, seen by somebody who starts none."""

    def __init__(self, state: Path, clock: Clock) -> None:
        """Open the table if there is one. Raises StorageFailed."""
        self._clock = clock
        self._table = Table(state) if (state / TABLE_FILE).exists() else None

    def close(self) -> None:
        """Close the table."""
        if self._table is not None:
            self._table.close()

    def is_wanted(self, job_id: str) -> bool:
        """Whether a job waits or runs, or was lost in the last minutes."""
        if self._table is None:
            return False
        reconcile(self._table, job_id)
        row = self._table.job(job_id)
        if row is None:
            return False
        if row["status"] == "lost":
            return self._clock.epoch() - float(row["finished"]) < LOST_GRACE_SECONDS
        return row["status"] in _NEEDS
