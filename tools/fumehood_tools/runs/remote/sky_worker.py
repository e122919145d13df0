"""The thread that talks with SkyPilot for a run: it launches batches and brings their results.

    orders -> found in a job that runs from before, or launched as a new one -> watched -> brought

A call of `sky` takes 5 to 15 s, and a launch uploads the activations, so nothing here is fast. Jobs
that still run at the end are canceled. If this process is killed, they end by themselves when their
orders are trained, or after the minutes of their request.
"""

import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.files import last_lines
from fumehood_tools.glass import remove_folder
from fumehood_tools.pods.api.failures import AnswerLost, OrderRefused, PodsFailed
from fumehood_tools.pods.sky import SkyCommand, SkyJob
from fumehood_tools.pods.sky.bucket import Bucket, BucketFailed, ResultsRefused
from fumehood_tools.pods.wanted import SkyWanted
from fumehood_tools.quoting import quotable
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.remote.shards import TrainingShards
from fumehood_tools.runs.remote.sky_batch import SkyJournal, task_for, write_batch
from fumehood_tools.runs.remote.sky_results import bring
from fumehood_tools.runs.remote.trainee import RemoteTrainee
from fumehood_tools.runs.targets import PlaceLost

POLL_SECONDS, TURN_SECONDS = 15.0, 0.5
MOST_SILENCE = 12
"""Looks in a row that may fail, or in which a job that was launched may not be listed."""
LAST_LOOKS = 2
"""Looks at the bucket after a job's end: the last files may appear a little later."""
TAIL_LINES, CANCEL_TRIES = 30, 3


class Site(NamedTuple):
    """What the thread works with. shards: the training data of the run."""

    command: SkyCommand
    bucket: Bucket
    wanted: SkyWanted
    journal: SkyJournal
    scratch: Path
    shards: TrainingShards


class Underway:
    """One job and the trainees that wait for it. is_adopted: an earlier run launched it."""

    def __init__(self, name: str, trainees: Sequence[RemoteTrainee], is_adopted: bool) -> None:
        self.name, self.is_adopted = name, is_adopted
        self.waiting = list(trainees)
        self.job: SkyJob | None = None
        self.unlisted = self.last_looks = 0
        self.is_abandoned = False

    @property
    def has_ended(self) -> bool:
        """Whether the job is over, as far as we know."""
        return self.job is not None and self.job.state not in ("waiting", "running")


class SkyWorker(threading.Thread):
    """Serves orders until it is told to stop. failure: why it serves no more; None: it does."""

    def __init__(self, site: Site, poll_seconds: float = POLL_SECONDS) -> None:
        super().__init__(name="skypilot", daemon=True)
        self.orders: queue.SimpleQueue[list[RemoteTrainee]] = queue.SimpleQueue()
        self.failure: FumehoodError | None = None
        self._site, self._poll = site, poll_seconds
        self._stopping = threading.Event()
        self._new: list[RemoteTrainee] = []
        self._jobs: list[Underway] = []
        self._done: list[Underway] = []
        self._given_up: set[str] = set()
        self._silence, self._looked, self._folders = 0, 0.0, 0

    def stop(self) -> None:
        """Cancel the jobs that run, and end. Returns at once; join it."""
        self._stopping.set()

    def run(self) -> None:
        """Serve."""
        try:
            while not self._stopping.wait(min(TURN_SECONDS, self._poll)):
                self._turn()
                if self.failure is not None:
                    return
        except FumehoodError as error:
            self.failure = error
        finally:
            if self.failure is None and not self._stopping.is_set():
                # A cloud's library raised something of its own, which is in the log.
                self.failure = RunFailed("Serving SkyPilot ended by a bug; the log has the trace.")
            self._cancel_all()

    def _turn(self) -> None:
        while not self.orders.empty():
            self._new += self.orders.get_nowait()
        self._new = [one for one in self._new if not one.has_ended]
        try:
            if self._new and (not self._silence or self._is_due()):
                self._place()
            elif self._jobs and self._is_due():
                self._look(self._listed())
            else:
                return
        except (PodsFailed, BucketFailed) as error:
            self._silence += 1
            log("sky", "SkyPilot", f"does not answer ({self._silence}): {error}")
            if self._silence >= MOST_SILENCE:
                raise
        else:
            self._silence = 0

    def _is_due(self) -> bool:
        return time.monotonic() - self._looked >= self._poll

    def _listed(self) -> dict[str, SkyJob]:
        """Return the newest job of each name."""
        self._looked = time.monotonic()
        try:
            jobs = self._site.command.jobs()
        finally:
            self._looked = time.monotonic()
        return {job.job_name: job for job in sorted(jobs, key=lambda job: job.job_id)}

    def _place(self) -> None:
        """Find the new orders in jobs from before, and launch jobs for the others."""
        listed = self._listed()
        for name, orders in self._site.journal.orders().items():
            found = [one for one in self._new if one.order.digest in orders]
            if found and name in listed and self._may_adopt(listed[name]):
                log("sky", name, f"has {len(found)} of the orders from before")
                self._jobs.append(Underway(name, found, is_adopted=True))
                self._new = [one for one in self._new if one not in found]
        each = 1 if self._site.wanted.one_job_each else max(1, len(self._new))
        while self._new and not self._stopping.is_set():
            self._launch(self._new[:each], listed)
            self._new = self._new[each:]

    def _may_adopt(self, job: SkyJob) -> bool:
        is_over = job.state in ("failed", "cancelled") or job.status == "CANCELLING"
        return not is_over and job.job_name not in self._given_up

    def _launch(self, batch: list[RemoteTrainee], listed: dict[str, SkyJob]) -> None:
        """Launch one job. Raises PodsFailed if nothing was launched, and nobody is to blame."""
        site, digests, attempt = self._site, [one.order.digest for one in batch], 0
        name = site.journal.name(digests, attempt)
        while name in self._given_up or (name in listed and not self._may_adopt(listed[name])):
            attempt += 1
            name = site.journal.name(digests, attempt)
        for one in batch:
            one.tell(f"launching {name} on SkyPilot")
        self._folders += 1
        folder = site.scratch / f"sky-{self._folders}"
        underway = Underway(name, batch, is_adopted=name in listed)
        try:
            # As for other machines: a training has one thread on a GPU, else all cores.
            threads = 0 if site.wanted.gpu is None else 1
            write_batch(folder, [one.order for one in batch], site.shards, threads)
            site.journal.add(name, digests)
            underway.job = site.command.launch(folder, task_for(site.wanted, name, len(batch)))
        except AnswerLost as error:
            log("sky", name, f"may have been launched: {error}")
        except OrderRefused as error:
            log("sky", name, f"was refused: {error}")
            for one in batch:
                one.fail(error)
            return
        finally:
            remove_folder(folder)
        log("sky", name, f"{len(batch)} trainings")
        self._jobs.append(underway)

    def _look(self, listed: dict[str, SkyJob]) -> None:
        """Bring what is complete. Jobs whose orders are all done, or lost, are forgotten."""
        for one in self._jobs:
            one.job = listed.get(one.name, one.job)
            one.unlisted = 0 if one.name in listed else one.unlisted + 1
            self._bring(one)
            if one.waiting and (one.has_ended or one.unlisted >= MOST_SILENCE):
                one.last_looks += 1
                if one.last_looks >= LAST_LOOKS or one.unlisted:
                    self._give_up(one)
            if not one.waiting and one.is_abandoned and not one.has_ended:
                self._cancel([one])
        done = [one for one in self._jobs if not one.waiting]
        self._jobs = [one for one in self._jobs if one.waiting]
        self._done += [one for one in done if not one.has_ended]

    def _bring(self, one: Underway) -> None:
        job = one.job
        for trainee in tuple(one.waiting):
            if trainee.has_ended:
                one.is_abandoned = True
                one.waiting.remove(trainee)
                continue
            if job is not None:
                where = f" on {job.infra}" if job.infra else ""
                trainee.tell(f"job {job.job_id} of SkyPilot{where}: {job.status.lower()}")
                if job.state == "running" and trainee.started is None:
                    trainee.begin()
            try:
                is_here = bring(self._site.bucket, one.name, trainee)
            except ResultsRefused as error:
                # While the job runs, a file of a shared folder may be there in part.
                is_here = one.has_ended
                if is_here:
                    self._given_up.add(one.name)
                    trainee.lose(PlaceLost(f"job {one.name}", str(error)))
            if is_here:
                one.waiting.remove(trainee)

    def _give_up(self, one: Underway) -> None:
        """Say why the orders of a job that is over have no results, or have them trained again."""
        self._given_up.add(one.name)
        waiting, one.waiting = one.waiting, []
        if one.is_adopted:
            self._new += waiting
            return
        job = one.job
        if job is None or not one.has_ended:
            error: FumehoodError = PlaceLost(f"job {one.name}", "SkyPilot does not list it")
        else:
            error = self._reason(job)
        log("sky", one.name, f"left {len(waiting)} trainings without a result: {error}")
        for trainee in waiting:
            trainee.fail(error)

    def _reason(self, job: SkyJob) -> FumehoodError:
        told = quotable(job.failure_reason or "no reason given")[:500]
        place = f"job {job.job_id} of SkyPilot"
        if job.state == "succeeded":
            return PlaceLost(place, "it left no results in the bucket")
        if job.status == "FAILED_CONTROLLER":
            return PlaceLost(place, f"its controller failed ({told})")
        return RunFailed(
            f"{place} ended as {job.status} ({told}). The end of its log (quoted, untrusted):\n"
            f"{self._tail(job)}\nLook at `sky jobs logs {job.job_id}` and at the minutes, the GPU "
            "and the image of the request, then repeat."
        )

    def _tail(self, job: SkyJob) -> str:
        try:
            return last_lines(quotable(self._site.command.log(job, TAIL_LINES)), TAIL_LINES)
        except PodsFailed as error:
            return f"(the log cannot be read: {error})"

    def _cancel_all(self) -> None:
        """Cancel what still runs. A job whose results are all here ends by itself in most cases."""
        left = [one for one in (*self._jobs, *self._done) if not one.has_ended]
        if left:
            self._cancel(left)

    def _cancel(self, jobs: Sequence[Underway]) -> None:
        """Cancel jobs that may still run. What kept them from being canceled is logged."""
        for _ in range(CANCEL_TRIES):
            try:
                listed = self._listed()
                for one in jobs:
                    one.job = listed.get(one.name, one.job)
                running = [one.job for one in jobs if one.job and not one.has_ended]
                if running:
                    self._site.command.cancel(*running)
                return
            except FumehoodError as error:
                names = ", ".join(one.name for one in jobs)
                log("sky", names, f"not canceled: {error}")
