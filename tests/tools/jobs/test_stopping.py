"""Jobs stop on request and at their time limit, together with all processes they started."""

import shutil

import psutil

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True: time.sleep(0.1)
"""
SLEEPER = "print('ready', flush=True); import time; time.sleep(300)"
PARENT = """
import subprocess, sys
sleep = [sys.executable, "-c", "import time; time.sleep(300)"]
same_group = subprocess.Popen(sleep)
own_session = subprocess.Popen(sleep, start_new_session=True, env={})
print(same_group.pid, own_session.pid, flush=True)
print("ready", flush=True)
"""


def test_a_running_job_is_cancelled_at_once(start, running, store, finished) -> None:
    job = running(start(SLEEPER))
    assert store.cancel(job.job_id).status in ("running", "cancelled")
    done = finished(job, timeout=4)
    assert (done.status, done.exit_code, done.error) == ("cancelled", -15, None)


def test_a_queued_job_is_cancelled_without_ever_running(start, running, store) -> None:
    running(start(SLEEPER))
    waiting = start("print('ran')")
    assert (waiting.status, waiting.queue_position) == ("queued", 1)
    done = store.cancel(waiting.job_id)
    assert (done.status, done.started, done.seconds) == ("cancelled", None, None)
    assert store.read_log(waiting.job_id).lines == ()


def test_a_worker_that_ignores_sigterm_is_killed(start, running, store, finished) -> None:
    job = running(start(STUBBORN))
    store.cancel(job.job_id)
    done = finished(job, timeout=12)
    assert (done.status, done.exit_code) == ("cancelled", -9)


def test_cancelling_twice_or_after_the_end_changes_nothing(start, store, finished) -> None:
    done = finished(start("pass"))
    assert store.cancel(done.job_id) == done
    assert store.cancel(done.job_id) == done


def test_a_job_over_its_time_limit_fails_with_a_typed_error(start, finished) -> None:
    done = finished(start(SLEEPER, timeout_s=0.5), timeout=8)
    assert (done.status, done.error_code) == ("failed", "timeout")
    assert done.error is not None and "0.5 s" in done.error and "finished parts" in done.error


def test_what_a_worker_left_running_ends_with_the_job(start, finished, store, eventually) -> None:
    done = finished(start(PARENT))
    assert done.status == "succeeded"
    pids = [int(word) for word in store.read_log(done.job_id).lines[0].split()]
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_what_a_worker_started_in_another_session_is_stopped_too(
    start, running, finished, store, eventually
) -> None:
    job = running(start(PARENT + "import time; time.sleep(300)"))
    pids = [int(word) for word in store.read_log(job.job_id).lines[0].split()]
    store.cancel(job.job_id)
    assert finished(job).status == "cancelled"
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_a_deleted_workspace_stops_its_jobs(start, running, root, eventually, supervisors) -> None:
    running(start(SLEEPER))
    shutil.rmtree(root)
    eventually(lambda: not supervisors())
