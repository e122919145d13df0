"""Controllers that are killed with SIGKILL at each call of renting and ending, and the reaper.

The children are real processes; the stand-in and the reaper are others, which survive them.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fakes.pod_runs import kill_reaper
from fakes.processes import ends
from fakes.runpod import NEEDS_PODS, RunPod

import fumehood_tools
from fumehood_tools.errors import RunFailed
from fumehood_tools.jobs import JobStore
from fumehood_tools.pods.rentals import MachineClock, start_reaper
from fumehood_tools.pods.rentals.journal import Journal
from fumehood_tools.pods.rentals.names import owner_of
from fumehood_tools.pods.rentals.starting import is_at_work
from fumehood_tools.pods.rentals.wanting import Jobs

from ...jobs.conftest import supervisors_of, wait_until
from .conftest import SharedClock, settings_for

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]

HOME = str(Path(fumehood_tools.__file__).parents[1])
CONTROLLER = Path(__file__).with_name("controller.py")
# The calls of a rental in their order: offers, create, get … (boot), terminate, get, pods, bill.
POINTS = [
    ("offers", 1, "after"),
    ("create", 1, "before"),
    ("create", 1, "after"),
    ("get", 1, "before"),
    ("get", 1, "after"),
    ("terminate", 1, "before"),
    ("terminate", 1, "after"),
    ("pods", 1, "after"),
    ("billed_usd", 1, "before"),
    ("billed_usd", 1, "after"),
]


@pytest.fixture
def own_cloud(tmp_path: Path) -> Iterator[RunPod]:
    with RunPod.started(tmp_path / "cloud") as running:
        yield running
    kill_reaper(tmp_path)


def run(
    workspace: Path, cloud: RunPod, interface: str, point: tuple[str, int, str]
) -> "subprocess.CompletedProcess[str]":
    method, number, when = point
    words = [str(workspace), cloud.endpoints, cloud.key, interface, method, str(number), when]
    return subprocess.run(
        [sys.executable, str(CONTROLLER), *words],
        env={**os.environ, "PYTHONPATH": HOME},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("interface", ["v2", "auto"])
def test_case_24_a_controller_killed_at_any_call_leaves_one_pod_which_the_next_one_ends(
    interface: str, own_cloud: RunPod, tmp_path: Path
) -> None:
    for number, point in enumerate(POINTS):
        before, workspace = len(own_cloud.ended()), tmp_path / f"workspace {number}"
        assert run(workspace, own_cloud, interface, point).returncode == -9, point
        again = run(workspace, own_cloud, interface, ("", 0, ""))
        assert again.returncode == 0, (point, again.stderr)
        # An end that was announced is carried out, and the wish is fulfilled by another pod.
        pods = 2 if point[0] in ("terminate", "pods", "billed_usd") else 1
        assert not own_cloud.pods() and len(own_cloud.ended()) == before + pods, point
        journal = Journal(workspace / ".fumehood", "", MachineClock())
        rentals = journal.rentals(ended=True)
        journal.close()
        assert [one.state for one in rentals] == ["verified_gone"] * pods, point
        assert all(one.proof for one in rentals)


@contextlib.contextmanager
def reaper(workspace: Path, cloud: RunPod, every: str = "0.2") -> Iterator["subprocess.Popen[str]"]:
    """Run a reaper in the foreground, with the key in its environment."""
    settings = settings_for(workspace, cloud)
    process = subprocess.Popen(
        [sys.executable, "-m", "fumehood_tools.pods.rentals.reaper"]
        + ["--workspace", str(workspace), "--look-every", every],
        env={**os.environ, **settings.as_environment(), "RUNPOD_API_KEY": cloud.key}
        | {"PYTHONPATH": HOME},
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def test_case_25_the_reaper_ends_the_pod_of_a_controller_that_never_comes_back_and_leaves(
    own_cloud: RunPod, tmp_path: Path
) -> None:
    # firstmate PR #4307: the watchdog died with the agent's session.
    workspace = tmp_path / "workspace"
    assert run(workspace, own_cloud, "v2", ("terminate", 1, "before")).returncode == -9
    assert len(own_cloud.pods()) == 1
    with reaper(workspace, own_cloud) as first, reaper(workspace, own_cloud) as second:
        assert first.wait(60) == second.wait(60) == 0
    assert not own_cloud.pods() and len(own_cloud.ended()) == 1
    log = (workspace / ".fumehood" / "reaper.log").read_text(encoding="utf-8")
    assert log.count(": ended ") == 1 and own_cloud.key not in log


def test_case_25_the_reaper_goes_on_while_the_provider_fails_and_tells_it(
    own_cloud: RunPod, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    assert run(workspace, own_cloud, "v2", ("terminate", 1, "before")).returncode == -9
    own_cloud.revoke_key()
    log = workspace / ".fumehood" / "reaper.log"
    with reaper(workspace, own_cloud) as process:
        wait_until(lambda: log.exists() and "ALARM" in log.read_text(encoding="utf-8"), 60)
        own_cloud.restore_key()
        assert process.wait(60) == 0
    assert not own_cloud.pods()


JOB = """
import os, sys
from pathlib import Path
from fumehood_tools.pods.api import PodOrder, choose_api
from fumehood_tools.pods.rentals import MachineClock, Wish, open_desk, rent, start_reaper
from fumehood_tools.settings import load_settings
settings = load_settings(sys.argv[1])
desk = open_desk(settings.state, choose_api(settings), watch=lambda: start_reaper(settings, 1.0))
order = PodOrder(name="", image="an/image", environment={"PUBLIC_KEY": "ssh-ed25519 AAAA t"})
job = os.environ["FUMEHOOD_JOB_ID"]
rent(desk, Wish(place="p", job=job, order=order, gpus=("NVIDIA A40",), runtime_s=600))
"""


def test_case_25_the_reaper_that_a_job_started_outlives_it_and_ends_its_pods(
    own_cloud: RunPod, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    settings = settings_for(workspace, own_cloud)
    store = JobStore(settings.state)
    environment = {**settings.as_environment(), "RUNPOD_API_KEY": own_cloud.key}
    words = [sys.executable, "-c", JOB, str(workspace)]
    job = store.submit("demo", words, title="rents", env={**environment, "PYTHONPATH": HOME})
    wait_until(lambda: store.get(job.job_id).finished, 120)
    assert store.get(job.job_id).status == "succeeded", store.read_log(job.job_id).lines
    assert is_at_work(settings.state)
    (found,) = (
        process
        for process in psutil.process_iter()
        if "fumehood_tools.pods.rentals.reaper" in _words(process)
        and str(workspace) in _words(process)
    )
    assert own_cloud.key not in " ".join(_words(found))
    wait_until(lambda: not own_cloud.pods(), 120)
    assert ends(found.pid) and len(own_cloud.ended()) == 1
    store.close()


def test_a_reaper_with_nothing_to_do_leaves_and_one_without_a_key_says_so(
    own_cloud: RunPod, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path / "workspace", own_cloud)
    owner_of(settings.state)
    with reaper(tmp_path / "workspace", own_cloud) as process:
        assert process.wait(60) == 0
    with pytest.raises(RunFailed, match="RUNPOD_API_KEY.*Nothing was rented"):
        start_reaper(settings)


def test_case_24_the_pods_of_a_lost_job_live_on_for_a_while_so_that_it_can_take_them_over(
    own_cloud: RunPod, tmp_path: Path
) -> None:
    store, clock = JobStore(tmp_path), SharedClock(own_cloud)
    words = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(300)"]
    job = store.submit("demo", words, title="is lost").job_id
    wait_until(lambda: store.read_log(job).lines, 60)
    for supervisor in supervisors_of(tmp_path, job):
        supervisor.kill()
    jobs = Jobs(tmp_path, clock)
    wait_until(lambda: jobs.is_wanted(job) and store.get(job).status == "lost", 60)
    assert jobs.is_wanted(job) and not jobs.is_wanted("of another workspace")
    clock.sleep(601)
    assert not jobs.is_wanted(job)
    jobs.close()
    store.close()


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
