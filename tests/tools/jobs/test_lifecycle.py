"""A job from start to end, and everything that its worker can report."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import fumehood_tools
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.jobs import JobStore
from fumehood_tools.jobs.worker import JobContext

pytestmark = pytest.mark.child

WORKER = """
from fumehood_tools.errors import RunFailed
from fumehood_tools.jobs import Progress
from fumehood_tools.jobs.worker import JobContext
import sys
context = JobContext.from_environment()
with context.guard():
    print("ready", flush=True)
    {body}
"""


def worker(body: str) -> str:
    return WORKER.format(body=body)


def test_a_job_runs_and_leaves_its_result_exit_code_and_log(start, finished, store) -> None:
    job = start(worker("context.finish({'score': 0.5})"), title="one score")
    assert (job.kind, job.title, job.status in ("starting", "running")) == ("demo", "one score", 1)
    done = finished(job)
    assert (done.status, done.exit_code, done.result) == ("succeeded", 0, {"score": 0.5})
    assert done.error is None and done.error_code is None and done.queue_position is None
    assert done.created <= (done.started or "") <= (done.finished or "")
    assert done.seconds is not None and 0 < done.seconds < 20
    assert store.read_log(job.job_id).lines == ("ready",)


def test_a_typed_error_of_the_worker_reaches_the_job(start, finished) -> None:
    done = finished(start(worker("raise RunFailed('No variant got a score. Fix one.')")))
    assert (done.status, done.exit_code, done.error_code) == ("failed", 1, "run_failed")
    assert done.error == "No variant got a score. Fix one."


def test_a_crash_is_told_from_a_typed_error_and_points_at_the_log(start, finished, store) -> None:
    done = finished(start(worker("1 / 0")))
    assert (done.status, done.exit_code, done.error_code) == ("failed", 1, "crashed")
    assert done.error is not None and "read_job_log" in done.error
    assert store.read_log(done.job_id).lines[-1] == "ZeroDivisionError: division by zero"


def test_a_worker_that_was_killed_says_by_which_signal(start, finished) -> None:
    done = finished(start("import os; os.kill(os.getpid(), 9)"))
    assert (done.status, done.exit_code) == ("failed", -9)
    assert done.error is not None and "SIGKILL" in done.error and "memory" in done.error


def test_a_program_that_does_not_exist_fails_with_a_reason(store, finished) -> None:
    done = finished(store.submit("demo", ["/no/such/program"], title="nothing"))
    assert (done.status, done.error_code) == ("failed", "not_started")
    assert done.error is not None and "/no/such/program" in done.error


def test_a_damaged_result_is_not_a_success(start, finished) -> None:
    code = "import os; open(os.environ['FUMEHOOD_JOB_DIR'] + '/result.json', 'w').write('{')"
    done = finished(start(code))
    assert (done.status, done.error_code, done.result) == ("failed", "storage_failed", None)


def test_progress_is_seen_while_the_job_runs(start, store, eventually) -> None:
    body = """context.report(Progress(done=1, total=4, phase='train', rate=2.5, rate_unit='it/s'))
    sys.stdin = open(context.folder / 'go', 'x'); import time
    while not (context.folder / 'on').exists(): time.sleep(0.01)
    context.report(Progress(done=4, total=4, phase='train'))"""
    job = start(worker(body))
    seen = eventually(lambda: store.get(job.job_id).progress)
    assert (seen.done, seen.total, seen.phase, seen.rate, seen.rate_unit) == (
        *(1, 4, "train", 2.5, "it/s"),
    )
    (store.folder(job.job_id) / "on").touch()
    eventually(lambda: store.get(job.job_id).status == "succeeded")
    assert store.get(job.job_id).progress.done == 4


def test_the_last_of_many_fast_reports_is_kept(start, finished) -> None:
    body = "[context.report(Progress(done=n, total=500)) for n in range(501)]"
    assert finished(start(worker(body))).progress.done == 500


def test_a_worker_gets_its_environment_and_working_folder(start, finished, store, tmp_path) -> None:
    code = (
        "import os; print(os.environ['COLOUR'], os.getcwd(), 'FUMEHOOD_SUPERVISES' in os.environ)"
    )
    done = finished(start(code, env={"COLOUR": "blue"}, cwd=tmp_path))
    assert store.read_log(done.job_id).lines == (f"blue {tmp_path.resolve()} False",)
    done = finished(start("import os; print(os.getcwd())"))
    assert store.read_log(done.job_id).lines == (str(store.folder(done.job_id).resolve()),)


def test_it_works_from_a_foreign_folder_with_the_package_on_no_search_path(root, tmp_path) -> None:
    code = """if True:
        import sys
        sys.path.insert(0, sys.argv[2])
        from fumehood_tools.jobs import JobStore
        store = JobStore(sys.argv[1])
        worker = "import fumehood_tools.jobs.worker"
        job = store.submit("demo", [sys.executable, "-c", worker], title="t")
        while (job := store.get(job.job_id)).finished is None: pass
        print(job.status, job.error, store.read_log(job.job_id).lines)
    """
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    home = str(Path(fumehood_tools.__file__).parents[1])
    command = [sys.executable, "-c", code, str(root), home]
    done = subprocess.run(
        command, cwd=tmp_path, env=bare, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout.strip() == "succeeded None ()", done.stderr


def test_folder_and_table_are_for_their_owner_only(start, store, root) -> None:
    job = start("pass")
    rights = [stat.S_IMODE(os.stat(path).st_mode) for path in (root, root / "jobs.sqlite3")]
    assert rights == [0o700, 0o600]
    spec = json.loads((store.folder(job.job_id) / "spec.json").read_text(encoding="utf-8"))
    assert spec["argv"] == [sys.executable, "-c", "pass"]


def test_wrong_arguments_say_what_is_right(store) -> None:
    def refused(*argv: str, kind: str = "demo", **options: object) -> str:
        with pytest.raises(BadRequest) as refusal:
            store.submit(kind, argv, title="t", **options)
        return str(refusal.value)

    assert "Known: code, cpu, gpu" in refused("true", slot="tpu")
    assert "more than 0" in refused("true", timeout_s=0)
    assert "starts with the program" in refused()
    assert "lower-case" in refused("true", kind="../up")
    with pytest.raises(BadRequest, match="one job or more"):
        JobStore(store.folder, slots={"cpu": 0})


def test_an_unknown_job_is_named_with_its_near_miss(start, store) -> None:
    job = start("pass")
    for ask in (store.get, store.cancel, store.read_log, store.folder):
        with pytest.raises(UnknownName, match=f"Did you mean '{job.job_id}'.*Call list_jobs"):
            ask(job.job_id[:-1])


def test_a_worker_outside_of_a_job_is_told_so() -> None:
    with pytest.raises(BadRequest, match="runs inside a job"):
        JobContext.from_environment({})


def test_a_supervisor_holds_no_pydantic() -> None:
    code = "import sys, fumehood_tools.jobs.supervisor; print('pydantic' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(Path(fumehood_tools.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.strip() == "False"
