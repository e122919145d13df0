"""After a kill -9 of any process at any moment, no result is lost and the queue goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import fumehood_tools
from fumehood_tools.jobs import JobStore

HOME = str(Path(fumehood_tools.__file__).parents[1])
SLEEPER = "print('ready', flush=True); import time; time.sleep(300)"
SUBMITTER = """
import sys, time
from fumehood_tools.jobs import JobStore
worker = "import time; print('ready', flush=True); time.sleep(1); print('done')"
job = JobStore(sys.argv[1]).submit("demo", [sys.executable, "-c", worker], title="t")
print(job.job_id, flush=True)
time.sleep(300)
"""
QUIET_FINISHER = """
import os, time
print("ready", flush=True)
folder = os.environ["FUMEHOOD_JOB_DIR"]
while not os.path.exists(folder + "/go"): time.sleep(0.01)
open(folder + "/result.json.new", "w").write('{"score": 1}')
os.replace(folder + "/result.json.new", folder + "/result.json")
"""


def kill_group(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)


def kill_tree(process: subprocess.Popen[str]) -> None:
    whole = psutil.Process(process.pid)
    for member in [*whole.children(recursive=True), whole]:
        member.kill()


@pytest.mark.parametrize("kill", [kill_group, kill_tree])
def test_a_job_outlives_the_kill_of_its_submitter(
    kill: Callable[[subprocess.Popen[str]], None], store, root, eventually
) -> None:
    submitter = subprocess.Popen(
        [sys.executable, "-c", SUBMITTER, str(root)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": HOME},
    )
    with submitter:
        assert submitter.stdout is not None
        job_id = submitter.stdout.readline().strip()
        kill(submitter)
    eventually(lambda: store.get(job_id).status == "succeeded")
    assert store.read_log(job_id).lines == ("ready", "done")


def test_a_killed_supervisor_makes_its_job_lost_ends_the_worker_and_frees_the_slot(
    start, running, store, kill_supervisor, eventually, finished
) -> None:
    child = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; "
    child += "time.sleep(300)'], start_new_session=True); print(os.getpid(), p.pid, flush=True);"
    job = running(start(f"import os; {child} {SLEEPER}"))
    pids = [int(word) for word in store.read_log(job.job_id).lines[0].split()]
    waiting = start("pass")
    assert waiting.status == "queued"
    kill_supervisor(job)
    store.pump()
    lost = store.get(job.job_id)
    assert (lost.status, lost.error_code) == ("lost", "lost")
    assert lost.error is not None and "Start it again with the same arguments" in lost.error
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    assert store.get(waiting.job_id).status in ("starting", "running", "succeeded")
    assert finished(waiting).status == "succeeded"


def test_a_lost_job_is_seen_by_looking_at_it_alone(start, running, store, kill_supervisor) -> None:
    job = running(start(SLEEPER, request_key="k"))
    kill_supervisor(job)
    assert store.get(job.job_id).status == "lost"
    assert start(SLEEPER, request_key="k").job_id != job.job_id


def test_a_result_written_after_its_supervisor_was_killed_is_kept(
    start, running, store, supervisors, kill_supervisor, eventually
) -> None:
    job = running(start(QUIET_FINISHER))
    folder = store.folder(job.job_id)
    [worker] = supervisors(job.job_id)[0].children()
    kill_supervisor(job)
    (folder / "go").touch()
    eventually(lambda: not worker.is_running())
    done = store.get(job.job_id)
    assert (done.status, done.result) == ("succeeded", {"score": 1})


def test_a_supervisor_killed_while_it_starts_leaves_no_worker_and_no_stuck_job(
    start, store, kill_supervisor
) -> None:
    for _ in range(5):
        job = start(SLEEPER)
        kill_supervisor(job)
        # If a supervisor had taken the job, the next read shows it as lost. If not, it goes back to
        # the queue after BOOT_SECONDS.
        settled = store.get(job.job_id)
        assert settled.status in ("lost", "starting")
        if settled.status == "starting":
            assert store.cancel(job.job_id).status == "cancelled"


def test_a_told_supervisor_stops_its_worker_and_says_lost(
    start, running, supervisors, finished
) -> None:
    job = running(start(SLEEPER))
    supervisors(job.job_id)[0].terminate()
    done = finished(job)
    assert (done.status, done.exit_code) == ("lost", -15)


def test_a_supervisor_that_cannot_start_fails_the_job_after_three_tries(
    root, eventually, monkeypatch
) -> None:
    store = JobStore(root)
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    job = store.submit("demo", ["true"], title="t")
    eventually(lambda: store.get(job.job_id).status == "failed", timeout=5)
    done = store.get(job.job_id)
    assert done.error_code == "not_started" and "/no/such/python" in (done.error or "")
