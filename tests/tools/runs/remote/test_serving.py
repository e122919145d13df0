"""Places that lie, fail, are closed, or were used before: the run goes on, or ends with why."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.loopback_ssh import LoopbackSsh, loopback_ssh
from fakes.rented_pods import until
from fakes.scripted_host import ClosedPlace, ScriptedHost
from fakes.scripted_target import activations
from pydantic import ValidationError

from fumehood_tools.errors import FumehoodError, GlassTooWeak, RunFailed
from fumehood_tools.pods.hosts import Host
from fumehood_tools.pods.ssh import ClientKey, HostKeyChanged
from fumehood_tools.runs.harvesting import Harvest
from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.orders import TrainingOrder, order_for, recipe_of
from fumehood_tools.runs.remote.hosts import places_of
from fumehood_tools.runs.remote.messages import RemoteAnswer
from fumehood_tools.runs.remote.places import RemotePlace
from fumehood_tools.runs.remote.target import RemoteTarget
from fumehood_tools.runs.remote.trainee import RemoteTrainee
from fumehood_tools.runs.targets import Effort, PlaceLost, RunSite
from fumehood_tools.settings import Settings
from fumehood_tools.spec import LimitsSpec, SandboxSpec

pytestmark = pytest.mark.child
FOUND = activations("/cache").model_copy(update={"train_shards": ()})
WHERE = {"machine": "m", "device": "cpu", "threads": 1, "glass": "landlock", "versions": {}}
ANSWER = {"order": "0" * 64, "seconds": 1.0, "where": WHERE}
OpenTarget = Callable[..., RemoteTarget]


def order(name: str = "topk", **limits: Any) -> TrainingOrder:
    spec = SandboxSpec(limits=LimitsSpec(**limits))
    item = RunItem(name, 0, b"# a variant", f"digest of {name}", Path("results"))
    return order_for(item, recipe_of(spec, FOUND, "cpu", "float32"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("serving")
    return Settings(workspace=folder / "ws", cache=folder / "cache", device="cpu")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[LoopbackSsh]:
    key = ClientKey(settings.state).public()
    with loopback_ssh(tmp_path_factory.mktemp("host") / "sshd", key) as running:
        yield running


@pytest.fixture
def lab(sshd: LoopbackSsh, settings: Settings, tmp_path: Path) -> ScriptedHost:
    for seen in (settings.state / "pods" / "glass").glob("*"):
        seen.unlink()
    return ScriptedHost(sshd, tmp_path / "host", [order("topk"), order("gated")])


@pytest.fixture
def opened(settings: Settings, tmp_path: Path) -> Iterator[OpenTarget]:
    """Return a function that opens a target with these places; hosts are places, too."""
    with contextlib.ExitStack() as targets:

        def open_target(*places: RemotePlace | Host) -> RemoteTarget:
            found: list[RemotePlace] = []
            for place in places:
                found += places_of(place, settings.state) if isinstance(place, Host) else [place]
            harvest = Harvest(FOUND, None, "cpu")
            site = RunSite(SandboxSpec(), settings, harvest, "landlock", tmp_path / "scratch", bool)
            return targets.enter_context(contextlib.closing(RemoteTarget(site, found, "cpu")))

        yield open_target


def ended(target: RemoteTarget, trainee: RemoteTrainee) -> Effort:
    """Return what a training took, when it is over. Raises why it failed."""
    told: list[Effort | FumehoodError] = []

    def is_over() -> bool:
        target.tend()
        try:
            told.extend(found for found in [trainee.finished()] if found is not None)
        except FumehoodError as error:
            told.append(error)
        return bool(told)

    until(is_over)
    if isinstance(told[0], FumehoodError):
        raise told[0]
    return told[0]


def failure_of(target: RemoteTarget) -> FumehoodError:
    """Return why a target serves no more, when it does not."""
    told: list[FumehoodError] = []

    def has_failed() -> bool:
        target.tend()
        try:
            target.places()
        except FumehoodError as error:
            told.append(error)
        return bool(told)

    until(has_failed)
    return told[0]


@pytest.mark.slow
def test_a_host_can_neither_plant_files_nor_claim_better_glass_than_it_had_before_any_variant(
    lab: ScriptedHost, opened: OpenTarget
) -> None:
    lab.has_glass("rlimits")
    lab.trains(
        "for name in ('core.json', 'sparse_probing.json', 'topk.py'): write(name, b'{}')\n"
        "os.symlink('/etc/passwd', 'out/config.json')\n"
        "answer(seconds=1e30)"
    )
    target = opened(lab.host())
    trainee = target.start(order())
    effort = ended(target, trainee)
    assert [path.name for path in trainee.out.iterdir()] == ["sae.safetensors"]
    assert effort.where.glass == "rlimits", "the machine says bubblewrap, after a variant ran"
    assert effort.seconds < 24 * 3600, "no job runs for longer than its limit"
    trainee.end()
    # What a variant may have changed is not believed later, in this run or in another one.
    lab.has_glass("bubblewrap")
    lab.trains("answer()")
    target.close()
    again = opened(lab.host())
    assert ended(again, again.start(order("gated"))).where.glass == "rlimits"


def test_two_gpus_of_a_host_are_made_ready_together_and_train_side_by_side(
    lab: ScriptedHost, opened: OpenTarget
) -> None:
    lab.trains(
        "import glob\n"
        f"on = {str(lab.folder / 'on-')!r}\n"
        "open(on + str(json.load(open(sys.argv[1]))['gpu']), 'w').close()\n"
        "while len(glob.glob(on + '*')) < 2: time.sleep(0.05)\n"
        "answer()"
    )
    target = opened(lab.host(gpus=2))
    for trainee in [target.start(order()), target.start(order("gated"))]:
        ended(target, trainee)
    assert sorted(path.name for path in lab.folder.glob("on-*")) == ["on-0", "on-1"]


def test_a_job_that_somebody_removed_from_a_host_is_not_waited_for(
    lab: ScriptedHost, opened: OpenTarget
) -> None:
    lab.sets_up(f"cd ..; [ -e {lab.folder}/removed ] || mv $PWD {lab.folder}/removed")
    target = opened(lab.host())
    assert ended(target, target.start(order())).seconds == 1
    assert (lab.folder / "removed").is_dir()


@pytest.mark.slow
def test_an_honest_failure_is_that_of_a_local_run_without_paths_of_the_host(
    lab: ScriptedHost, opened: OpenTarget
) -> None:
    lab.trains(
        "message = os.path.abspath('topk.py') + ':3: no files. \\x1b[31mInstead: none.'\n"
        "answer(error={'code': 'variant_rejected', 'message': message, 'limit': 'cpu',\n"
        "              'check': 'work_budget'})"
    )
    target = opened(lab.host())
    trainee = target.start(order())
    with pytest.raises(FumehoodError) as caught:
        ended(target, trainee)
    error = caught.value
    assert (error.code, error.limit, error.check) == ("variant_rejected", "cpu", "work_budget")
    assert str(lab.folder) not in str(error) and "\x1b" not in str(error)
    assert trainee.spent is not None and trainee.spent.seconds == 1.0


@pytest.mark.slow
def test_an_order_whose_job_was_cancelled_or_failed_there_is_trained_anew(
    lab: ScriptedHost, opened: OpenTarget
) -> None:
    lab.trains("open('begun', 'w').close(); time.sleep(600)")
    target = opened(lab.host())
    target.start(order())
    until(lambda: list((lab.folder / ".fumehood" / "jobs").glob("train-*/work/begun")))
    target.close()
    until(lambda: not _living(lab))
    lab.trains("sys.exit('broken')")
    target = opened(lab.host())
    first = target.start(order())
    with pytest.raises(FumehoodError):
        ended(target, first)
    target.close()
    lab.trains("answer()")
    target = opened(lab.host())
    trainee = target.start(order())
    assert ended(target, trainee).seconds == 1.0
    assert not first.is_taken_over and not trainee.is_taken_over, "each began once more"
    trainee.end()
    target.close()
    assert lab.jobs == [], "what nobody waits for any more is removed from the host"


def _living(lab: ScriptedHost) -> bool:
    files = (lab.folder / ".fumehood" / "jobs").glob("train-*/status.json")
    return any(json.loads(file.read_text("utf-8"))["state"] == "running" for file in files)


@pytest.mark.slow
def test_an_order_that_finds_a_place_closed_goes_to_another_one_without_a_loss(
    lab: ScriptedHost, opened: OpenTarget
) -> None:
    closed = [ClosedPlace(RunFailed("It is in use.")) for _ in range(4)]
    target = opened(*closed, lab.host())
    trainee = target.start(order())
    assert ended(target, trainee).seconds == 1.0
    assert target.places() >= 1


def test_when_no_place_can_be_opened_the_run_ends_with_the_reason(
    lab: ScriptedHost, opened: OpenTarget
) -> None:
    target = opened(ClosedPlace(RunFailed("The cap is reached.")), lab.host(host_key=_WRONG_KEY))
    trainee = target.start(order())
    other = target.start(order("gated"))
    assert isinstance(failure_of(target), RunFailed | HostKeyChanged)
    target.tend()
    for one in (trainee, other):
        with pytest.raises(PlaceLost, match="no machine is left"):
            one.finished()


_WRONG_KEY = "SHA256:" + "A" * 43


@pytest.mark.slow
def test_the_users_word_on_a_host_key_counts_more_than_the_first_one_seen(
    lab: ScriptedHost, opened: OpenTarget
) -> None:
    target = opened(lab.host())
    ended(target, target.start(order()))
    target.close()
    target = opened(lab.host(host_key=_WRONG_KEY))
    target.start(order())
    assert isinstance(failure_of(target), HostKeyChanged)
    target.close()
    target = opened(lab.host(host_key=lab.sshd.fingerprint))
    assert ended(target, target.start(order("gated"))).seconds == 1.0


@pytest.mark.slow
def test_a_host_with_weaker_glass_than_the_limits_allow_trains_nothing(
    lab: ScriptedHost, opened: OpenTarget
) -> None:
    lab.has_glass("rlimits")
    target = opened(lab.host())
    target.start(order(glass="landlock"))
    assert isinstance(failure_of(target), GlassTooWeak)
    assert not any(name.startswith("train-") for name in lab.jobs)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_nobody_expects_ends_the_run_and_gives_the_place_back(
    opened: OpenTarget,
) -> None:
    place = ClosedPlace(OSError("a disk of ours is full"))
    target = opened(place)
    target.start(order())
    assert "see the job's log" in str(failure_of(target))
    until(lambda: place.released)


@pytest.mark.parametrize(
    "lie",
    [
        {"seconds": float("nan")},
        {"seconds": -1.0},
        {"order": "0" * 1_000},
        {"where": {**WHERE, "machine": "\x1b[2J"}},
        {"where": {**WHERE, "versions": {"torch": "1" * 10_000}}},
        {"where": {**WHERE, "glass": "steel"}},
        {"where": {**WHERE, "threads": -1}},
        {"error": {"code": "a\nb", "message": "m"}},
        {"error": "failed"},
    ],
    ids=str,
)
def test_an_answer_that_no_trainer_writes_is_none(lie: dict[str, Any]) -> None:
    RemoteAnswer.model_validate(ANSWER)
    with pytest.raises(ValidationError):
        RemoteAnswer.model_validate({**ANSWER, **lie})
