"""The job of a launch: `python -m fumehood_tools.launches.worker`, started by the job table.

All pods are rented side by side. With a script, each runs it once and is ended; without one, they
are kept until their longest life. However this ends, no pod that is not to be kept is left: what
cannot be ended here is ended by the reaper.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from fumehood_tools.errors import FumehoodError, RunFailed, StorageFailed
from fumehood_tools.files import digest_of, read_json
from fumehood_tools.jobs.models import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.launches.request import REQUEST_FILE, LaunchRequest
from fumehood_tools.launches.scripts import PodTask
from fumehood_tools.locking import exclusive
from fumehood_tools.pods.rentals import Desk, Rental, open_rentals
from fumehood_tools.pods.ssh import ClientKey
from fumehood_tools.pods.wishes import wishes
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.remote.kept import KEPT
from fumehood_tools.runs.remote.renting import end_with_record
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.web.service import open_client

TICK_SECONDS, END_SECONDS = 0.5, 600.0


def main() -> None:
    """Run the job described by this process's folder."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    context = JobContext.from_environment()
    with context.guard():
        request = LaunchRequest.model_validate(read_json(context.folder / REQUEST_FILE))
        settings = load_settings()
        with contextlib.ExitStack() as held:
            client = held.enter_context(open_client())
            desk = held.enter_context(contextlib.closing(open_rentals(settings, client)))
            purpose = _purpose(request, settings, context.job_id, held)
            context.finish(Launch(context, settings, desk, request, purpose).run())


def _purpose(
    request: LaunchRequest, settings: Settings, job: str, held: contextlib.ExitStack
) -> str:
    """Return what the pods are for. Kept pods, and those of a second job that runs the same script
    at the same time, are this job's alone. Otherwise a script is taken up where a job was lost."""
    if request.script is None:
        return f"{KEPT}{job}"
    purpose = f"script {digest_of(request.model_dump(mode='json'))[:16]}"
    lock = settings.state / "rentals" / f"{purpose.replace(' ', '-')}.lock"
    try:
        held.enter_context(exclusive(lock, seconds=0))
    except StorageFailed:
        return f"{purpose} {job}"
    return purpose


class Launch:
    """One launch: its pods, each with a thread that rents and uses it."""

    def __init__(
        self,
        context: JobContext,
        settings: Settings,
        desk: Desk,
        request: LaunchRequest,
        purpose: str,
    ) -> None:
        """purpose: begins the names of the pods' places."""
        self._context, self._settings, self._desk = context, settings, desk
        key, job = ClientKey(desk.state).public(), context.job_id
        wanted = wishes(request.pods, settings, key, purpose=purpose, job=job)
        self.tasks = [
            PodTask(desk, settings, wish, request.script, context.folder, number, len(wanted))
            for number, wish in enumerate(wanted)
        ]

    def run(self) -> dict[str, Any]:
        """Use all pods; return the job's result. Raises RunFailed if none did what was asked."""
        threads = [threading.Thread(target=task.run, daemon=True) for task in self.tasks]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(TICK_SECONDS)
                    self._report()
        finally:
            self._end_the_rest()
        return self._result()

    def _report(self) -> None:
        done = sum(task.fraction for task in self.tasks)
        usd = self._desk.journal.spending(self._context.job_id).measured
        doing = list(dict.fromkeys(task.doing for task in self.tasks if task.doing))
        message = "; ".join([*doing[:3], f"${usd:.2f} so far"])
        self._context.report(
            Progress(done=done, total=len(self.tasks), phase="pods", message=message)
        )

    def _end_the_rest(self) -> None:
        """End what this job rented and does not keep; also what a thread is just renting."""
        mine = [one for one in self._desk.journal.rentals() if one.job == self._context.job_id]
        # Side by side: a job that is cancelled has five seconds.
        threads = [threading.Thread(target=self._end, args=(one,), daemon=True) for one in mine]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(END_SECONDS)

    def _end(self, rental: Rental) -> None:
        try:
            end_with_record(self._desk, self._settings, rental.intent, "the job is over")
        except FumehoodError as error:
            log("pod", rental.name, f"ALARM: {error}")

    def _result(self) -> dict[str, Any]:
        intents = {task.intent for task in self.tasks}
        rentals = [
            one
            for one in self._desk.journal.rentals(ended=True)
            if one.intent in intents or one.job == self._context.job_id
        ]
        cost = sum(rental.cost_usd for rental in rentals)
        failed = [task for task in self.tasks if task.error is not None]
        reasons = [f"- pod {task.number}: {task.error}" for task in failed]
        if len(failed) == len(self.tasks):
            raise RunFailed(
                f"No pod did what was asked (cost: ${cost:.2f}). Fix the causes below, then "
                "repeat.\n" + "\n".join(reasons)
            )
        return {
            "summary": [*_summary(self.tasks, cost), *reasons],
            "cost_usd": cost,
            "pods": [task.told() for task in self.tasks],
            "records": [f"rentals/{one.intent}" for one in rentals if one.is_ended],
            "next": "list_pods shows what is still rented; terminate_pods ends it.",
        }


def _summary(tasks: Sequence[PodTask], cost: float) -> list[str]:
    good = [task for task in tasks if task.error is None]
    if tasks[0].script is None:
        return [f"{len(good)} of {len(tasks)} pods are rented and kept; ${cost:.2f} so far"]
    files = sum(len(task.files) for task in good)
    return [
        f"{len(good)} of {len(tasks)} pods ran {tasks[0].script.name}; {files} files; ${cost:.2f}"
    ]


if __name__ == "__main__":
    main()
