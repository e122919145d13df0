"""Jobs that outlive the process that started them: an SQLite table, and a supervisor per job.

    store = JobStore(settings.state)
    job = store.submit("run", [sys.executable, "-m", "my.worker"], title="3 variants x 2 seeds")
    store.get(job.job_id).status                      # queued, starting, running, succeeded …

Under `root` are jobs.sqlite3 and one folder jobs/<job_id>/ per job, with spec.json, output.log,
supervisor.log, and the files that the worker writes: progress.json, result.json, error.json. There
is no daemon. `pump` starts queued jobs; it is called by every submit, by every supervisor at its
end, and whenever somebody reads a queued job. Old jobs are deleted (`retention`), except for the
newest 1,000 and those of the last 30 days.

Covered: the submitter is killed by signal, process group or process tree; a supervisor, a worker
or a launcher is killed at any moment; a full disk; floods of output.
Not covered: a host that kills a whole cgroup or container; a workspace on a network file system
(SQLite's WAL needs shared memory); Windows outside WSL.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fumehood_tools.jobs.models import Job, JobPage, LogPage, Progress, Status
    from fumehood_tools.jobs.store import JobStore

__all__ = ["Job", "JobPage", "JobStore", "LogPage", "Progress", "Status"]


def __getattr__(name: str) -> object:
    # Imported lazily because a supervisor imports this package too and lives as long as its job.
    # Without pydantic it needs half the memory.
    if name == "JobStore":
        from fumehood_tools.jobs.store import JobStore

        return JobStore
    if name in __all__:
        from fumehood_tools.jobs import models

        return getattr(models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
