"""Jobs that outlive whoever started them: one SQLite table, one detached supervisor per job.

    store = JobStore(settings.state)
    job = store.submit("run", [sys.executable, "-m", "my.worker"], title="3 variants x 2 seeds")
    store.get(job.job_id).status                      # queued, starting, running, succeeded …

Under `root`: jobs.sqlite3 and jobs/<job_id>/ with spec.json, output.log, supervisor.log and what
the worker writes: progress.json, result.json, error.json. No daemon: `pump` starts queued jobs and
is called by every submit, by every supervisor at its end and by every look at a queued job.
Jobs that ended long ago are forgotten (`retention`): the newest 1,000 and a month's are kept.

Covered: death of the submitter by signal, process group or process tree; death of a supervisor, a
worker or a launcher at any moment; a full disk; floods of output.
Not covered: a host that kills a whole cgroup or container; a workspace on a network file system
(SQLite's WAL needs shared memory); Windows outside WSL.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fumehood_tools.jobs.models import Job, JobPage, LogPage, Progress, Status
    from fumehood_tools.jobs.store import JobStore

__all__ = ["Job", "JobPage", "JobStore", "LogPage", "Progress", "Status"]


def __getattr__(name: str) -> object:
    # Late, because a supervisor imports this package too and lives as long as its job:
    # without pydantic it needs half the memory.
    if name == "JobStore":
        from fumehood_tools.jobs.store import JobStore

        return JobStore
    if name in __all__:
        from fumehood_tools.jobs import models

        return getattr(models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
