"""SkyPilot out of process: what task.yaml says, and what its command's answers mean."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fakes.recorded_sky import RecordedSky

from fumehood_tools.errors import PartMissing
from fumehood_tools.pods.api import OrderRefused
from fumehood_tools.pods.sky import RESULTS, SkyCommand, SkyTask, write_task
from fumehood_tools.pods.wanted import SkyWanted
from fumehood_tools.runs.remote.sky_batch import task_for

pytestmark = pytest.mark.child

TASK = SkyTask(
    name="fumehood-0123abcd-0011223344556677",
    bucket="s3://my-saes",
    commands=('echo "it\'s node $FUMEHOOD_NODE of $FUMEHOOD_NODES"', "exit 7"),
    gpu="L4",
    most_minutes=1,
    environment={"DICTIONARY": "4096"},
    secrets=("HF_TOKEN",),
)


@pytest.fixture
def sky(tmp_path: Path) -> RecordedSky:
    return RecordedSky(tmp_path)


@pytest.fixture
def command(sky: RecordedSky) -> SkyCommand:
    return SkyCommand((str(sky.path),))


def test_a_task_names_gpus_bucket_and_secrets_but_no_secret_value(tmp_path: Path) -> None:
    document = yaml.safe_load(write_task(tmp_path, TASK).read_text(encoding="utf-8"))
    assert document["resources"]["accelerators"] == "L4:1"
    assert document["file_mounts"] == {RESULTS: {"source": "s3://my-saes", "mode": "MOUNT"}}
    assert document["secrets"] == {"HF_TOKEN": None}
    assert document["envs"]["FUMEHOOD_RESULTS"] == f"{RESULTS}/{TASK.name}"
    assert TASK.results == f"s3://my-saes/{TASK.name}"


def test_a_folder_that_all_nodes_share_is_not_mounted(tmp_path: Path) -> None:
    task = TASK.model_copy(update={"bucket": "file:///home/me/saes"})
    document = yaml.safe_load(write_task(tmp_path, task).read_text(encoding="utf-8"))
    assert "file_mounts" not in document
    assert document["envs"]["FUMEHOOD_RESULTS"] == f"/home/me/saes/{TASK.name}"


def test_the_commands_of_a_task_run_in_a_shell_and_their_exit_code_is_kept(tmp_path: Path) -> None:
    document = yaml.safe_load(write_task(tmp_path, TASK).read_text(encoding="utf-8"))
    environment = {
        "PATH": "/usr/bin:/bin",
        "SKYPILOT_NODE_RANK": "1",
        "SKYPILOT_NUM_NODES": "3",
        "FUMEHOOD_RESULTS": str(tmp_path / "results"),
    }
    done = subprocess.run(
        ["bash", "-c", document["run"]], env=environment, capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (7, "it's node 1 of 3\n")
    assert (tmp_path / "results").is_dir()


def test_no_job_was_ever_launched_means_an_empty_list(command: SkyCommand) -> None:
    assert command.jobs() == []


def test_a_launched_job_is_found_by_its_name_and_not_launched_twice(
    sky: RecordedSky, command: SkyCommand, tmp_path: Path
) -> None:
    first, again = command.launch(tmp_path, TASK), command.launch(tmp_path, TASK)
    assert first == again and first is not None and first.state == "waiting"
    assert [call[:2] for call in sky.state["calls"]].count(["jobs", "launch"]) == 1
    launch = next(call for call in sky.state["calls"] if call[:2] == ["jobs", "launch"])
    assert launch[launch.index("--secret") + 1] == "HF_TOKEN"


def test_a_launch_whose_answer_was_lost_is_adopted(
    sky: RecordedSky, command: SkyCommand, tmp_path: Path
) -> None:
    sky.change(fails_after_launch=True)
    found = command.launch(tmp_path, TASK)
    assert found is not None and found.job_name == TASK.name


def test_a_refused_launch_says_what_skypilot_said(
    sky: RecordedSky, command: SkyCommand, tmp_path: Path
) -> None:
    sky.change(refuses=True)
    assert "No launchable resource" in str(command.problem(tmp_path, TASK))
    with pytest.raises(OrderRefused, match=r"No launchable resource .*sky check"):
        command.launch(tmp_path, TASK)


def test_a_canceled_job_still_runs_until_its_machines_are_down(
    sky: RecordedSky, command: SkyCommand, tmp_path: Path
) -> None:
    job = command.launch(tmp_path, TASK)
    assert job is not None and "began" in command.log(job)
    command.cancel(job)
    found = command.find(TASK.name)
    assert found is not None and (found.status, found.state) == ("CANCELLING", "running")


def test_without_skypilot_the_error_names_the_command_that_installs_it() -> None:
    with pytest.raises(PartMissing, match="uv tool install 'skypilot"):
        SkyCommand(("sky-is-not-here",)).jobs()


@pytest.mark.slow
@pytest.mark.network
def test_the_real_command_reads_our_tasks_and_has_no_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installs SkyPilot 0.14.1 in an environment of its own (600 MB, about two minutes)."""
    there = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", there], check=True, timeout=60)
    pip = [there / "bin" / "pip", "install", "-q", "skypilot==0.14.1"]
    subprocess.run(pip, check=True, timeout=900)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "hf_nothing")
    wanted = SkyWanted(bucket="gs://my-saes/runs", gpu="H100", nodes=3, infra="gcp", minutes=5)
    batch = task_for(wanted, "fumehood-0123abcd-8899aabbccddeeff", orders=8)
    shared = wanted.model_copy(update={"bucket": "file:///home/me/saes", "nodes": 16})
    reads = (
        "import sys, sky; t = sky.Task.from_yaml(sys.argv[1]); print(t.num_nodes, *("
        "r.accelerators for r in t.resources), [ref.name for ref in t.managed_secret_refs], "
        "*(t.storage_mounts or {}))"
    )
    for task, expected in (
        (TASK, f"1 {{'L4': 1}} ['HF_TOKEN'] {RESULTS}"),
        (batch, f"3 {{'H100': 1}} [] {RESULTS}"),
        (task_for(shared, batch.name, orders=8), "8 {'H100': 1} []"),
    ):
        done = subprocess.run(
            [there / "bin" / "python", "-c", reads, write_task(tmp_path, task)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
        )
        assert done.stdout.split("\n")[-2].strip() == expected, done.stderr
    command = SkyCommand((str(there / "bin" / "sky"),))
    try:
        assert command.jobs() == []
    finally:
        subprocess.run([there / "bin" / "sky", "api", "stop"], check=False, timeout=120)
