"""Slots limit the running jobs, the queue is in order, and a request key prevents duplicates."""

import os
import subprocess
import sys
import time
from pathlib import Path

import fumehood_tools
from fumehood_tools.jobs import JobStore

SLEEPER = "print('ready', flush=True); import time; time.sleep(300)"
SUBMITTER = """
import sys
from fumehood_tools.jobs import JobStore
store = JobStore(sys.argv[1])
worker = "import time; time.sleep(0.15)"
for number in range(5):
    store.submit("demo", [sys.executable, "-c", worker], title=f"{sys.argv[2]}{number}", slot="gpu")
"""


def submitters(root, code: str = SUBMITTER, count: int = 2) -> list[subprocess.Popen[bytes]]:
    env = {**os.environ, "PYTHONPATH": str(Path(fumehood_tools.__file__).parents[1])}
    return [
        subprocess.Popen([sys.executable, "-c", code, str(root), str(name)], env=env)
        for name in range(count)
    ]


def test_five_submits_from_each_of_two_processes_never_run_two_at_once(
    store, root, eventually
) -> None:
    processes = submitters(root)
    most = 0

    def all_done() -> bool:
        nonlocal most
        jobs = store.list(limit=100).jobs
        most = max(most, sum(job.status in ("starting", "running") for job in jobs))
        return len(jobs) == 10 and all(job.status == "succeeded" for job in jobs)

    eventually(all_done, timeout=30)
    assert most == 1 and [process.wait(10) for process in processes] == [0, 0]
    spans = sorted((job.started, job.finished) for job in store.list(limit=100).jobs)
    assert all(before[1] <= after[0] for before, after in zip(spans, spans[1:], strict=False))


def test_the_queue_advances_when_no_submitter_is_left(store, root, eventually) -> None:
    [process] = submitters(root, count=1)
    assert process.wait(20) == 0

    # Look only at files, because reading from the store would itself start jobs.
    def results() -> int:
        logs = list((root / "jobs").glob("*/output.log"))
        return len(logs) == 5

    eventually(results)
    eventually(lambda: store.list(status="succeeded").total == 5)
    titles = [job.title for job in store.list().jobs]
    by_start = sorted(store.list().jobs, key=lambda job: job.started or "")
    assert [job.title for job in by_start] == titles[::-1]


def test_slots_are_independent_and_queued_jobs_know_their_place(start, running) -> None:
    running(start(SLEEPER, slot="cpu"))
    running(start(SLEEPER, slot="gpu"))
    places = [start("pass", slot=slot).queue_position for slot in ("cpu", "cpu", "gpu")]
    assert places == [1, 2, 1]


def test_slots_given_once_are_kept_with_the_table(root, start, running) -> None:
    JobStore(root, slots={"cpu": 2, "gpu": 1})
    JobStore(root)
    running(start(SLEEPER))
    running(start(SLEEPER))
    assert start("pass").status == "queued"


def test_the_same_key_is_the_same_job_while_it_waits_runs_or_has_succeeded(
    start, finished, running
) -> None:
    blocker = running(start("print('ready', flush=True); import time; time.sleep(0.7)"))
    first = start("pass", request_key="once")
    assert first.status == "queued"
    assert start("pass", request_key="once").job_id == first.job_id
    assert finished(blocker).status == finished(first).status == "succeeded"
    assert start("raise SystemExit(1)", request_key="once").job_id == first.job_id


def test_a_key_moves_to_a_fresh_job_after_a_failure_or_a_cancel(start, finished, store) -> None:
    failed = finished(start("raise SystemExit(1)", request_key="again"))
    second = start(SLEEPER, request_key="again")
    assert second.job_id != failed.job_id
    store.cancel(second.job_id)
    third = start("pass", request_key="again")  # at once, while the second is being stopped
    assert third.job_id not in (failed.job_id, second.job_id)
    assert finished(third).status == "succeeded" and store.get(second.job_id).status == "cancelled"


def test_a_submit_answers_in_a_fraction_of_a_second(start) -> None:
    began = time.monotonic()
    start("pass")
    assert time.monotonic() - began < 3
