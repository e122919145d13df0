"""A run through SkyPilot: a recorded command, whose jobs train here as they would on nodes."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.pod_runs import box, run_here, weights_of
from fakes.recorded_sky import RecordedSky
from fakes.rented_pods import until
from fakes.scripted_target import activations

from fumehood_tools.errors import FumehoodError, PartMissing, RunFailed
from fumehood_tools.files import sha256_of
from fumehood_tools.pods.sky.bucket import Bucket, ResultsRefused
from fumehood_tools.pods.wanted import SkyWanted
from fumehood_tools.receipts import WEIGHTS_FILE
from fumehood_tools.runs.harvesting import Harvest
from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.orders import TrainingOrder, order_for, recipe_of
from fumehood_tools.runs.remote.batches import MANIFEST
from fumehood_tools.runs.remote.messages import ANSWER_FILE, RemoteAnswer
from fumehood_tools.runs.remote.sky import SkyTarget
from fumehood_tools.runs.remote.sky_results import bring
from fumehood_tools.runs.remote.trainee import RemoteTrainee
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.targets import PlaceLost, RunSite
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.where import here

pytestmark = pytest.mark.child


@pytest.fixture
def sky(tmp_path: Path) -> Iterator[RecordedSky]:
    folder = tmp_path / "skypilot"
    folder.mkdir()
    command = RecordedSky(folder)
    yield command
    command.end()


@pytest.fixture
def settings(tmp_path: Path, sky: RecordedSky, shared_cache: Path) -> Settings:
    environment = {
        "FUMEHOOD_SKY": str(sky.path),
        "FUMEHOOD_CACHE": str(shared_cache),
        "FUMEHOOD_DEVICE": "cpu",
    }
    return load_settings(tmp_path / "ws", environment)


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    folder = tmp_path / "bucket"
    folder.mkdir()
    return folder


class Opener:
    """Opens targets of one workspace, as runs in turn do; each is closed at the end of the test."""

    def __init__(self, settings: Settings, folder: Path, bucket: Path) -> None:
        self._settings, self._folder, self._bucket = settings, folder, bucket
        self.opened: list[SkyTarget] = []
        shard = folder / "harvest" / "train" / "00000.npy"
        shard.parent.mkdir(parents=True)
        shard.write_bytes(b"activations")

    def __call__(self, **wanted: Any) -> SkyTarget:
        found = Harvest(activations(str(self._folder / "harvest")), None, "cpu")
        scratch = self._folder / f"run-{len(self.opened)}"
        scratch.mkdir()
        site = RunSite(SandboxSpec(), self._settings, found, "landlock", scratch, lambda: False)
        asked = SkyWanted.model_validate({"bucket": f"file://{self._bucket}", **wanted})
        target = SkyTarget(site, asked, poll_seconds=0.05)
        self.opened.append(target)
        return target


@pytest.fixture
def opened(settings: Settings, tmp_path: Path, bucket: Path) -> Iterator[Opener]:
    opener = Opener(settings, tmp_path / "site", bucket)
    yield opener
    for target in opener.opened:
        target.close()


def order(number: int = 0) -> TrainingOrder:
    recipe = recipe_of(SandboxSpec(), activations("/cache"), "cpu", "float32")
    return order_for(RunItem("mine", number, b"# mine", f"{number:016}", Path("results")), recipe)


def give(target: SkyTarget, orders: Sequence[TrainingOrder]) -> list[RemoteTrainee]:
    trainees = [target.start(one) for one in orders]
    target.tend()
    return trainees


def names(sky: RecordedSky, count: int = 1) -> list[str]:
    """Return the names of all jobs, once there are so many."""
    until(lambda: len(sky.state["jobs"]) >= count)
    return [str(job["job_name"]) for job in sky.state["jobs"]]


def leave(folder: Path, one: TrainingOrder, **changes: Any) -> Path:
    """Leave results of an order in a job's folder of the bucket, as a node does; return theirs."""
    there = folder / one.digest
    there.mkdir(parents=True)
    answer = RemoteAnswer(
        order=one.digest, started="2026-11-30T08:00:00Z", seconds=3, where=here("cpu", 1, "rlimits")
    )
    (there / WEIGHTS_FILE).write_bytes(b"weights")
    (there / ANSWER_FILE).write_text(answer.model_dump_json(), encoding="utf-8")
    files = [
        {"name": path.name, "size": path.stat().st_size, "sha256": sha256_of(path)}
        for path in sorted(there.iterdir())
    ]
    manifest = {"order": one.digest, "files": files, **changes}
    (there / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return there


def ending(trainee: RemoteTrainee) -> FumehoodError | None:
    """Return why a trainee failed; None if it did not. Waits for its end."""

    def has_ended() -> bool:
        try:
            return trainee.finished() is not None
        except FumehoodError:
            return True

    until(has_ended)
    try:
        trainee.finished()
    except FumehoodError as error:
        return error
    return None


def test_orders_that_are_given_together_are_one_job_with_at_most_so_many_nodes(
    sky: RecordedSky, opened: Opener
) -> None:
    orders = [order(number) for number in range(3)]
    target = opened(gpu="L4", nodes=2, infra="aws", minutes=7)
    give(target, orders)
    [name] = names(sky)
    there = sky.workdir(1)
    task = yaml.safe_load((there / "task.yaml").read_text(encoding="utf-8"))
    assert target.device == "cuda" and task["resources"]["accelerators"] == "L4:1"
    assert (task["name"], task["num_nodes"], task["resources"]["infra"]) == (name, 2, "aws")
    assert "timeout --kill-after=30 420 " in task["run"]
    works = [json.loads(path.read_text("utf-8")) for path in sorted(there.glob("orders/*"))]
    assert [work["order"]["seed"] for work in works] == [0, 1, 2]
    [shard] = there.glob("data/*/*.npy")
    assert shard.read_bytes() == b"activations" and [shard.name] == works[0]["shards"]
    assert (there / "code" / "fumehood_tools" / "runs" / "remote" / "node.py").is_file()


@pytest.mark.slow
def test_on_request_each_training_is_a_job_of_its_own(sky: RecordedSky, opened: Opener) -> None:
    give(opened(one_job_each=True, nodes=4), [order(0), order(1)])
    assert len(set(names(sky, 2))) == 2
    task = yaml.safe_load((sky.workdir(2) / "task.yaml").read_text(encoding="utf-8"))
    assert task["num_nodes"] == 1


def test_results_arrive_when_their_manifest_does(
    sky: RecordedSky, opened: Opener, bucket: Path
) -> None:
    first, second = give(opened(), [order(0), order(1)])
    [name] = names(sky)
    leave(bucket / name, first.order)
    assert ending(first) is None and second.finished() is None
    assert (first.out / WEIGHTS_FILE).read_bytes() == b"weights"
    effort = first.finished()
    assert effort is not None and effort.seconds == 3 and first.started is not None


def test_after_a_crash_the_orders_that_are_left_are_found_in_the_job_that_still_runs(
    sky: RecordedSky, opened: Opener, bucket: Path
) -> None:
    given = give(opened(), [order(0), order(1)])
    [name] = names(sky)
    sky.set_job(name, status="RUNNING")
    [left] = give(opened(), [order(1)])
    leave(bucket / name, left.order)
    assert ending(left) is None and sky.count("jobs", "launch") == 1
    assert left.is_taken_over and not any(one.is_taken_over for one in given)


def slow(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        ("FAILED", RunFailed, "ended as FAILED .out of quota.*began"),
        slow("FAILED_NO_RESOURCE", RunFailed, "FAILED_NO_RESOURCE .out of quota"),
        slow("CANCELLED", RunFailed, "ended as CANCELLED"),
        slow("FAILED_CONTROLLER", PlaceLost, "controller failed .out of quota"),
        slow("SUCCEEDED", PlaceLost, "left no results"),
    ],
)
def test_a_job_that_is_over_without_results_says_why(
    sky: RecordedSky, opened: Opener, status: str, kind: type[FumehoodError], said: str
) -> None:
    target = opened()
    [trainee] = give(target, [order()])
    [name] = names(sky)
    sky.set_job(name, status=status, failure_reason="out of quota")
    error = ending(trainee)
    assert type(error) is kind
    with pytest.raises(kind, match=f"(?s){said}"):
        trainee.finished()


def test_a_refused_launch_fails_its_orders_with_what_skypilot_said(
    sky: RecordedSky, opened: Opener
) -> None:
    sky.change(refuses=True)
    [trainee] = give(opened(), [order()])
    assert "No launchable resource" in str(ending(trainee))


def test_jobs_that_still_run_are_canceled_at_the_end(sky: RecordedSky, opened: Opener) -> None:
    target = opened()
    give(target, [order()])
    names(sky)
    target.close()
    [job] = sky.state["jobs"]
    assert job["status"] == "CANCELLING"


@pytest.mark.parametrize("wanted", ["sky", "s3fs"], ids=["no command", "no package for the bucket"])
def test_what_is_not_installed_is_named_with_the_command_that_installs_it(
    opened: Opener, settings: Settings, wanted: str
) -> None:
    if wanted == "sky":
        settings.variables["FUMEHOOD_SKY"] = "sky-is-not-here"
        with pytest.raises(PartMissing, match="uv tool install 'skypilot"):
            opened()
    else:
        pytest.importorskip("fsspec")
        with pytest.raises(PartMissing, match="pip install s3fs"):
            opened(bucket="s3://mine/saes")


def _link(there: Path) -> None:
    (there / WEIGHTS_FILE).unlink()
    secret = there.parents[2] / "secret"
    secret.write_bytes(b"weights")
    (there / WEIGHTS_FILE).symlink_to(secret)


def _fifo(there: Path) -> None:
    (there / WEIGHTS_FILE).unlink()
    os.mkfifo(there / WEIGHTS_FILE)


def _folder(there: Path) -> None:
    (there / WEIGHTS_FILE).unlink()
    (there / WEIGHTS_FILE).mkdir()


def _elsewhere(there: Path) -> None:
    there.rename(there.with_name("elsewhere"))
    there.symlink_to("elsewhere")


HOSTILE_FILES = {
    "a link": _link,
    "a link to a folder": _elsewhere,
    "a FIFO": _fifo,
    "a folder": _folder,
    "other bytes": lambda there: (there / WEIGHTS_FILE).write_bytes(b"WEIGHTS"),
    "more bytes": lambda there: (there / WEIGHTS_FILE).write_bytes(b"weights and more"),
    "fewer bytes": lambda there: (there / WEIGHTS_FILE).write_bytes(b"weight"),
    "no file": lambda there: (there / WEIGHTS_FILE).unlink(),
    "no valid manifest": lambda there: (there / MANIFEST).write_bytes(b"{"),
    "a huge manifest": lambda there: (there / MANIFEST).write_bytes(b" " * (1 << 20)),
}
EMPTY = hashlib.sha256(b"").hexdigest()
HOSTILE_MANIFESTS: dict[str, dict[str, Any]] = {
    "another order": {"order": "0" * 16},
    "a path": {"files": [{"name": "../sae.safetensors", "size": 0, "sha256": EMPTY}]},
    "another name": {"files": [{"name": "run.py", "size": 0, "sha256": EMPTY}]},
    "a file twice": {"files": [{"name": WEIGHTS_FILE, "size": 0, "sha256": EMPTY}] * 2},
    "too many bytes": {"files": [{"name": WEIGHTS_FILE, "size": 1 << 50, "sha256": EMPTY}]},
    "no answer": {"files": []},
}


@pytest.mark.parametrize("what", [*HOSTILE_FILES, *HOSTILE_MANIFESTS])
def test_results_that_are_not_what_they_should_be_are_refused(
    what: str, bucket: Path, tmp_path: Path
) -> None:
    one = order()
    trainee = RemoteTrainee(one, tmp_path / "brought-here" / "one")
    there = leave(bucket / "job", one, **HOSTILE_MANIFESTS.get(what, {}))
    HOSTILE_FILES.get(what, lambda there: None)(there)
    with pytest.raises(ResultsRefused):
        bring(Bucket(f"file://{bucket}"), "job", trainee)
    assert trainee.finished() is None
    assert {path.name for path in (tmp_path / "brought-here").rglob("*")} <= {
        *("one", "arrived"),
        ANSWER_FILE,
    }


@pytest.mark.slow
def test_refused_results_cost_the_job_its_trust_and_not_the_run(
    sky: RecordedSky, opened: Opener, bucket: Path
) -> None:
    target = opened()
    [trainee] = give(target, [order()])
    [name] = names(sky)
    leave(bucket / name, trainee.order, order="0" * 16)
    sky.set_job(name, status="SUCCEEDED")
    assert isinstance(ending(trainee), PlaceLost)
    trainee.end()
    [again] = give(target, [order()])
    [_, second] = names(sky, 2)
    leave(bucket / second, again.order)
    assert ending(again) is None


def test_a_node_whose_trainer_ended_early_says_so_with_the_end_of_its_log(
    bucket: Path, tmp_path: Path
) -> None:
    trainee = RemoteTrainee(order(), tmp_path / "one")
    leave(bucket / "job", trainee.order, files=[], failure="exit code 9. \x1b[31mOh no")
    assert bring(Bucket(f"file://{bucket}"), "job", trainee)
    error = ending(trainee)
    assert isinstance(error, RunFailed) and "exit code 9" in str(error)
    assert "\x1b" not in str(error)


@pytest.mark.slow
def test_a_run_through_skypilot_gives_the_weights_of_a_run_on_this_machine(
    settings: Settings, sky: RecordedSky, bucket: Path, tmp_path: Path
) -> None:
    for name in ("here", "there"):
        box(settings, name)
    sky.change(runs=True)
    request = RunRequest(sandbox="here", variants=("topk", "gated", "standard"), seeds=(0,))
    run_here(settings, tmp_path / "job-here", request)
    elsewhere = request.model_copy(
        update={
            "sandbox": "there",
            "target": "skypilot",
            "sky": SkyWanted(bucket=f"file://{bucket}", nodes=2, minutes=20),
        }
    )
    result = run_here(settings, tmp_path / "job-there", elsewhere)
    assert len(result["scored"]) == 3 and sky.count("jobs", "launch") == 1
    assert weights_of(settings, "there") == weights_of(settings, "here")
    # Nobody told what the machines cost, which is not nothing.
    found = (settings.sandboxes / "there" / "results").rglob("score.json")
    costs = [json.loads(path.read_text("utf-8"))["cost"]["usd"] for path in found]
    assert costs == [None] * 3
    # Both nodes had a share, and only what a manifest names is there.
    logs = [path.read_text("utf-8") for path in sky.workdir(1).parent.glob("node-*.log")]
    assert sorted(log.count(": trained") for log in logs) == [1, 2], logs
