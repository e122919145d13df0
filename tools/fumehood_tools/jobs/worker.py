"""The worker's side of a job: report progress, write a result, or fail with a typed error.

    context = JobContext.from_environment()
    with context.guard():
        context.report(Progress(done=1, total=10, phase="train"))
        context.finish({"score": 0.9})

Every file is replaced atomically. This module imports no heavy packages.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fumehood_tools.errors import BadRequest, FumehoodError, StorageFailed
from fumehood_tools.files import write_json, write_text
from fumehood_tools.jobs.models import Progress
from fumehood_tools.jobs.processes import JOB_FOLDER, JOB_ID

REPORT_SECONDS = 0.1
"""Progress reports that follow faster than this are skipped, except for a new phase and the last
report."""


class JobContext:
    """One job, as its worker sees it."""

    def __init__(self, job_id: str, folder: Path) -> None:
        self.job_id, self.folder = job_id, folder
        self._reported = -REPORT_SECONDS
        self._phase: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "JobContext":
        """Return the job that this process is the worker of. Raises BadRequest outside a job."""
        env = os.environ if environ is None else environ
        job_id, folder = env.get(JOB_ID), env.get(JOB_FOLDER)
        if not job_id or not folder:
            raise BadRequest("This program runs inside a job. Start it with JobStore.submit.")
        return cls(job_id, Path(folder))

    def report(self, progress: Progress) -> None:
        """Publish progress. Costs a small file; call it as often as you like."""
        now = time.monotonic()
        due = now - self._reported >= REPORT_SECONDS
        if not due and progress.phase == self._phase and progress.done < progress.total:
            return
        self._reported, self._phase = now, progress.phase
        # A progress report that can't be written must not end the job.
        with contextlib.suppress(StorageFailed):
            write_text(self.folder / "progress.json", progress.model_dump_json())

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write the result. This must be the worker's last action. Raises StorageFailed."""
        write_json(self.folder / "result.json", dict(result))

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Turn a FumehoodError into error.json and exit code 1. Any other error is a crash."""
        try:
            yield
        except FumehoodError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            with contextlib.suppress(StorageFailed):
                write_json(self.folder / "error.json", {"code": error.code, "message": str(error)})
            raise SystemExit(1) from error
