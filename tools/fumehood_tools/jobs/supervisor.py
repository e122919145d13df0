"""Supervise one job from start to end: `python -m fumehood_tools.jobs.supervisor ROOT ID`.

The supervisor starts the worker in its own session, writes its output to a log of limited size,
copies its progress to the table, and stops it on request or at its time limit. At the end it writes
the job's final state, starts the next job, and deletes some old jobs.
To stay small it imports no pydantic and loads no results. A signal to the supervisor stops the job.
If the supervisor is killed, the job is `lost`; the next process that reads the table records that.
"""

import contextlib
import json
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import IO, Any

import psutil

from fumehood_tools.children import our_environment
from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import read_json
from fumehood_tools.jobs import outcome
from fumehood_tools.jobs.capture import CappedLog
from fumehood_tools.jobs.outcome import JobEnd
from fumehood_tools.jobs.processes import (
    JOB_FOLDER,
    JOB_ID,
    SUPERVISES,
    Identity,
    adopt_orphans,
    family,
    identify,
    kill_job,
    signal_group,
)
from fumehood_tools.jobs.queue import pump
from fumehood_tools.jobs.retention import prune
from fumehood_tools.jobs.table import Table

TICK_SECONDS = 0.2
BEAT_SECONDS = 5.0
GRACE_SECONDS = 5.0
"""Time between SIGTERM and SIGKILL."""

SETTLE_SECONDS = 600.0
"""How long to retry writing the end of a job if the table cannot be written (a full disk)."""

CHUNK = 64 * 1024
CHUNKS_PER_TICK = 64
LONGEST_PROGRESS = 64 * 1024


class Watch:
    """One running worker."""

    def __init__(self, table: Table, job_id: str, spec: Mapping[str, Any]) -> None:
        self.table, self.job_id, self.spec = table, job_id, spec
        self.folder = table.folder(job_id)
        self.told_to_stop = False
        self.stopping: JobEnd | None = None
        self._kill_at = math.inf
        self._next_tick = self._next_beat = 0.0
        self._progress: str | None = None
        self._family: list[psutil.Process] = []

    def run(self) -> JobEnd:
        """Run the worker to its end and return how it ended."""
        try:
            self.log = CappedLog(self.folder / "output.log")
            self.worker = self._start()
        except OSError as error:
            text = (
                f"The job's program could not be started: {error}. Check the command and start it "
                "again."
            )
            return JobEnd("failed", text, "not_started")
        self.leader = identify(self.worker.pid) or Identity(self.worker.pid, 0.0)
        self.began = time.monotonic()
        try:
            self._note_start()
            code = self._watch()
            with contextlib.suppress(StorageFailed):
                self._set("exit_code=?", code)
        finally:
            kill_job(self.job_id, self.leader, [*self._family, *family()])
        self._drain()
        self.log.close()
        self._look_at_progress()
        return self.stopping or outcome.outcome_of(self.folder, code)

    def stop(self, why: JobEnd) -> None:
        """Ask the worker to end (SIGTERM). After GRACE_SECONDS it is killed."""
        if self.stopping is None:
            self.stopping = why
            self._kill_at = time.monotonic() + GRACE_SECONDS
            self._remember_family()
            signal_group(self.worker.pid, signal.SIGTERM)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = our_environment(
            {
                "PYTHONUNBUFFERED": "1",
                **self.spec["env"],
                JOB_FOLDER: str(self.folder),
                JOB_ID: self.job_id,
            },
            keys="all",
            without=(SUPERVISES,),
        )
        worker = subprocess.Popen(
            self.spec["argv"],
            cwd=self.spec["cwd"] or self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        os.set_blocking(self._pipe(worker).fileno(), False)
        return worker

    def _note_start(self) -> None:
        assignments = "status='running', started=?, worker_pid=?, worker_born=?"
        # If the table cannot be written now, it may be writable at the end, so the job goes on.
        with contextlib.suppress(StorageFailed):
            self._set(assignments, time.time(), *self.leader)

    def _watch(self) -> int:
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe(self.worker), selectors.EVENT_READ)
            while (code := self.worker.poll()) is None:
                if not selector.get_map():
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self.worker.wait(TICK_SECONDS)
                elif selector.select(TICK_SECONDS) and not self._drain():
                    selector.unregister(self._pipe(self.worker))
                if time.monotonic() >= self._next_tick:
                    self._tick()
        return code

    def _drain(self) -> bool:
        """Move the worker's new output to the log. Return False when its output is closed."""
        pipe = self._pipe(self.worker)
        for _ in range(CHUNKS_PER_TICK):
            try:
                chunk = os.read(pipe.fileno(), CHUNK)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            self.log.write(chunk)
        return True

    def _tick(self) -> None:
        now = time.monotonic()
        self._next_tick = now + TICK_SECONDS
        if now >= self._next_beat:
            self._next_beat = now + BEAT_SECONDS
            self._remember_family()
            with contextlib.suppress(StorageFailed):
                self._set("heartbeat=?", time.time())
        self._look_at_progress()
        limit = self.spec["timeout_s"]
        if self._cancel_wanted():
            self.stop(outcome.CANCELLED)
        elif limit is not None and now - self.began > limit:
            self.stop(outcome.timed_out(limit))
        elif self.told_to_stop or not self.folder.is_dir():  # or the workspace was deleted
            self.stop(outcome.LOST)
        if now >= self._kill_at:
            # Kill only the group. We still have to wait for the worker, or its exit code is lost.
            signal_group(self.worker.pid, signal.SIGKILL)

    def _cancel_wanted(self) -> bool:
        query = "SELECT cancel_wanted FROM jobs WHERE id=?"
        try:
            return self.table.number(query, self.job_id) == 1
        except StorageFailed:
            return False

    def _look_at_progress(self) -> None:
        try:
            text = (self.folder / "progress.json").read_text(encoding="utf-8")[:LONGEST_PROGRESS]
            if text == self._progress or not isinstance(json.loads(text), dict):
                return
        except (OSError, ValueError):
            return
        with contextlib.suppress(StorageFailed):
            self._set("progress=?, heartbeat=?", text, time.time())
            self._progress = text

    def _remember_family(self) -> None:
        known = [process for process in self._family if process.is_running()]
        self._family = list({*known, *family()})
        for process in self._family:
            with contextlib.suppress(psutil.Error, ChildProcessError):
                if process.pid != self.worker.pid and process.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(process.pid, os.WNOHANG)  # reap an orphan of the worker

    def _set(self, assignments: str, *values: Any) -> None:
        self.table.change(f"UPDATE jobs SET {assignments} WHERE id=?", *values, self.job_id)

    @staticmethod
    def _pipe(worker: subprocess.Popen[bytes]) -> IO[bytes]:
        assert worker.stdout is not None
        return worker.stdout


def supervise(root: Path, job_id: str) -> None:
    """Supervise a claimed job. Does nothing if the job is not waiting for a supervisor."""
    adopt_orphans()
    table = Table(root)
    me = identify(os.getpid())
    if me is None or not table.take(job_id, me):
        return
    _settle(table, job_id, _outcome(table, job_id))
    pump(table)
    prune(table)


def _outcome(table: Table, job_id: str) -> JobEnd:
    try:
        spec = read_json(table.folder(job_id) / "spec.json")
    except StorageFailed as error:
        return JobEnd("failed", str(error), error.code)
    if table.number("SELECT cancel_wanted FROM jobs WHERE id=?", job_id):
        return outcome.CANCELLED
    watch = Watch(table, job_id, spec)

    def stop(number: int, frame: FrameType | None) -> None:
        watch.told_to_stop = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    return watch.run()


def _settle(table: Table, job_id: str, end: JobEnd) -> None:
    give_up = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            table.settle(job_id, end)
            return
        except StorageFailed:
            if time.monotonic() > give_up or not table.folder(job_id).is_dir():
                raise
            time.sleep(1)


def main() -> None:
    """Fork so that the launcher's process exits at once, then supervise in the child."""
    root, job_id = Path(sys.argv[1]), sys.argv[2]
    if os.fork() > 0:
        os._exit(0)
    supervise(root, job_id)


if __name__ == "__main__":
    main()
