"""A pod that scores: what it may not be or say, and what a run makes of its answer."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from fakes.loopback_ssh import LoopbackSsh, loopback_ssh
from fakes.pod_runs import words_of
from fakes.recorded_scores import WEIGHTS, record_score
from fakes.rented_pods import GPU
from fakes.sandbox_files import tiny_sandbox
from fakes.scripted_scorer import ScriptedScorer
from fakes.scripted_target import activations

from fumehood_tools.errors import BadRequest, FumehoodError, GlassTooWeak, RunFailed
from fumehood_tools.pods.agent import JobSpec
from fumehood_tools.pods.rentals.model import State, Step
from fumehood_tools.pods.ssh import ClientKey
from fumehood_tools.receipts.audit import audit
from fumehood_tools.records.scores import RentedPlace, Score
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.runs.remote.glass_there import GlassThere
from fumehood_tools.runs.remote.renting import SCORING, TRAINING, check_past
from fumehood_tools.runs.remote.scoring_checks import (
    check_answer,
    check_code,
    check_separates,
    check_trains_only,
    is_scored_there,
)
from fumehood_tools.runs.remote.scoring_messages import Evaluator
from fumehood_tools.runs.remote.scoring_there import ScorerThere
from fumehood_tools.runs.scorer_line import AnswerThere
from fumehood_tools.runs.targets import PlaceLost
from fumehood_tools.scoring.requests import (
    ScorerReady,
    ScoringAnswer,
    ScoringFailure,
    ScoringRequest,
    ScoringSetup,
)
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.spec import SandboxSpec, SubjectSpec
from fumehood_tools.where import Where

SYNTHETIC = SandboxSpec(subject=SubjectSpec(name="synthetic", layer=0))
Reply = ScorerReady | ScoringAnswer | ScoringFailure


def settings_of(folder: Path, **own: str) -> Settings:
    return load_settings(folder / "ws", {"FUMEHOOD_CACHE": str(folder / "cache"), **own})


def test_small_subjects_are_scored_here_unless_they_are_sent_to_a_pod(tmp_path: Path) -> None:
    assert not is_scored_there(SYNTHETIC, settings_of(tmp_path))
    harvested = settings_of(tmp_path, FUMEHOOD_POD_HARVEST="there")
    assert not is_scored_there(SYNTHETIC, harvested), "only large ones"
    assert is_scored_there(SYNTHETIC, settings_of(tmp_path, FUMEHOOD_POD_SCORING="there"))


def test_a_subject_that_is_a_folder_here_is_not_scored_there(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}", encoding="utf-8")
    spec = SandboxSpec(subject=SubjectSpec(name=str(tmp_path / "model"), layer=0))
    assert not is_scored_there(spec, settings_of(tmp_path))
    with pytest.raises(BadRequest, match="FUMEHOOD_POD_SCORING=here"):
        is_scored_there(spec, settings_of(tmp_path, FUMEHOOD_POD_SCORING="there"))


def steps(*told: tuple[State, str]) -> list[Step]:
    first: list[tuple[State, str]] = [("intent", "x"), ("created", "x"), ("ready", "it answers")]
    return [Step(state=state, time="", told=text) for state, text in (*first, *told)]


def test_the_journal_says_whether_a_variant_may_have_run_on_a_pod() -> None:
    check_past("pod x", steps())
    check_past("pod x", steps(("busy", SCORING), ("busy", SCORING)))
    for odd in [("busy", TRAINING)], [("busy", SCORING), ("idle", "kept")], [("orphan", "found")]:
        with pytest.raises(PlaceLost, match="did nothing else"):
            check_past("pod x", steps(*odd))


def test_glass_that_keeps_children_apart_is_needed() -> None:
    check_separates("pod x", "landlock", "rlimits")
    with pytest.raises(GlassTooWeak, match="FUMEHOOD_POD_SCORING=here.*FUMEHOOD_POD_IMAGE"):
        check_separates("pod x", "rlimits", "rlimits")
    with pytest.raises(GlassTooWeak, match="limits.glass = 'bubblewrap'"):
        check_separates("pod x", "landlock", "bubblewrap")


def test_a_score_counts_only_if_it_is_about_what_was_sent_and_by_this_evaluator(
    tmp_path: Path,
) -> None:
    asked = request_in(tmp_path)
    where = Where(machine="m", device="cpu", threads=1, glass="landlock", versions={})
    told = {"name": asked.name, "metrics": {}, "where": where, "weights_sha256": "a", "seconds": 1}
    answer = ScoringAnswer.model_validate(told)
    check_answer("pod x", asked, "a", answer)
    for other in {"weights_sha256": "b"}, {"name": "topk seed 1"}:
        with pytest.raises(RunFailed, match="answered for other weights"):
            check_answer("pod x", asked, "a", answer.model_copy(update=other))
    code = Evaluator.here()
    check_code("pod x", code)
    for part in ("evaluator", "template"):
        with pytest.raises(RunFailed, match="another digest than the one here"):
            check_code("pod x", code.model_copy(update={part: "0" * 64}))


def test_a_receipt_names_the_pod_that_scored_and_verify_says_so(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    sandbox = tiny_sandbox(settings)
    item = Planner(sandbox, "digest").item("topk", 0)
    price = {"quoted_usd_per_hour": 3.5, "price_usd_per_hour": 3.6}
    about = {"intent": "i", "pod_id": "pod1", "gpu": GPU, "gpu_count": 1, **price}
    pod = RentedPlace.model_validate(about)
    metrics = {"l0": 32.0, "explained_variance": 0.5}
    recorder = Recorder(settings, sandbox, "landlock")
    record_score(recorder, item, metrics, tmp_path / "out", {WEIGHTS: b"w"}, rented=pod)
    report, [score] = audit(settings.workspace)
    cost = Score.model_validate(score.record).cost
    assert cost.scored_on == pod and cost.rented is None
    assert cost.usd == pytest.approx(3.6 / 3600), "a second of the pod, and nothing for training"
    [note] = report.findings
    assert (note.level, note.code) == ("note", "scored_on_pod") and report.is_sound
    assert f"scored on pod pod1 ({GPU})" in note.message


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory, state: Path) -> Iterator[LoopbackSsh]:
    key = ClientKey(state).public()
    with loopback_ssh(tmp_path_factory.mktemp("host") / "sshd", key) as running:
        yield running


@pytest.fixture
def pod(sshd: LoopbackSsh, state: Path, tmp_path: Path) -> Iterator[ScriptedScorer]:
    found = ScriptedScorer(sshd, tmp_path / "pod", state, tmp_path.name.lower())
    yield found
    found.machine.close()


def setup_in(folder: Path, **more: Any) -> ScoringSetup:
    """Return a setup whose few files of data exist."""
    found = activations(str(folder / "data"))
    for path in (*found.train_shards, *found.eval_shards, found.eval_tokens_file):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())
    found.documents_file.write_text("{}", encoding="utf-8")
    data = {"activations": found, "probing": None, "cache": folder, "scratch": folder}
    return ScoringSetup.model_validate({"spec": SYNTHETIC, "glass": "bubblewrap", **data, **more})


def request_in(folder: Path) -> ScoringRequest:
    out = folder / "out"
    out.mkdir(exist_ok=True)
    (out / "topk.py").write_text("# a variant", encoding="utf-8")
    (out / "sae.safetensors").write_bytes(b"weights")
    return ScoringRequest(
        name="topk seed 0", variant=out / "topk.py", weights=out / "sae.safetensors", out=out
    )


Asks = Callable[[ScriptedScorer], list[Reply]]


@pytest.fixture
def asks(state: Path, tmp_path: Path) -> Asks:
    """Return a function that has one SAE scored; it returns the replies, or raises why not."""

    def ask(pod: ScriptedScorer) -> list[Reply]:
        replies: list[Reply] = []
        with contextlib.closing(ScorerThere(pod, GlassThere(state))) as scorer:
            scorer.prepare(setup_in(tmp_path))
            scorer.ask(request_in(tmp_path))
            while len(replies) < 2:
                replies += scorer.receive(1.0)
        return replies

    return ask


@pytest.mark.child
def test_a_score_comes_with_its_pod_and_price_and_with_no_better_glass_than_was_seen(
    pod: ScriptedScorer, asks: Asks, tmp_path: Path
) -> None:
    pod.scores(
        "ready(); key, sent = asked()\n"
        "done(key, score(sent), files=['core.json', 'topk.py', 'sae.safetensors']); stay()"
    )
    ready, answer = asks(pod)
    assert isinstance(ready, ScorerReady) and isinstance(answer, AnswerThere) and answer.rented
    assert (answer.rented.pod_id, answer.usd) == (pod.machine.id, pytest.approx(0.001))
    assert answer.where.glass == "landlock", "it says bubblewrap, and was seen with landlock"
    out = tmp_path / "out"
    assert (out / "core.json").read_text(encoding="utf-8") == "core.json"
    assert (out / "topk.py").read_text(encoding="utf-8") == "# a variant"
    assert (out / "sae.safetensors").read_bytes() == b"weights"
    assert pod.opened == 1 and pod.losses == ["the run ended"]


@pytest.mark.child
@pytest.mark.parametrize(
    ("program", "told"),
    [
        pytest.param(
            "code['evaluator'] = '0' * 64; ready(); stay()",
            "another digest than the one here",
            id="other code",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "ready(); key, sent = asked(); code['template'] = '0' * 64\n"
            "done(key, score(sent)); stay()",
            "another digest than the one here",
            id="other code later",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "ready(); key, sent = asked(); done(key, score(sent, weights_sha256='0' * 64)); stay()",
            "answered for other weights",
            id="other weights",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "ready(error={'code': 'x', 'message': 'No such subject.'}); stay()",
            "No such subject",
            id="no subject",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "ready(error={'code': 'part_missing', 'message': 'It is gated.'}); stay()",
            "It is gated. That was said on pod .*no token.*FUMEHOOD_POD_SCORING=here",
            id="gated",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "print('out of luck'); sys.exit(3)",
            "out of luck",
            id="ends early",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_an_answer_that_is_not_about_what_was_sent_ends_the_run(
    pod: ScriptedScorer, asks: Asks, program: str, told: str
) -> None:
    pod.scores(program)
    with pytest.raises(RunFailed, match=told):
        asks(pod)
    assert pod.losses == ["the run ended"]


@pytest.mark.child
@pytest.mark.slow
def test_a_variant_that_fails_there_fails_as_it_does_here_without_paths_of_the_pod(
    pod: ScriptedScorer, asks: Asks
) -> None:
    error = "{'code': 'integrity', 'check': 'channel', 'message': 'It cheats: ' + folder + '/x.'}"
    pod.scores(
        "ready(); key, sent = asked()\n"
        f"done(key, None, failure={{'name': 'another', 'error': {error}}}); stay()"
    )
    _, answer = asks(pod)
    assert isinstance(answer, ScoringFailure)
    assert (answer.name, answer.error.check) == ("topk seed 0", "channel")
    assert answer.error.message.startswith("It cheats: scoring/")
    assert pod.opened == 1


@pytest.mark.child
def test_a_pod_with_weak_glass_is_sent_neither_data_nor_variants(
    pod: ScriptedScorer, asks: Asks
) -> None:
    pod.has_glass("rlimits")
    with pytest.raises(GlassTooWeak, match="FUMEHOOD_POD_SCORING=here"):
        asks(pod)
    assert not (pod.folder / "root" / "harvested").exists()
    assert not any(job.startswith("score-") for job in pod.jobs)


@pytest.mark.child
def test_a_host_of_ones_own_scores_beside_its_trainings_costs_nothing_and_keeps_nothing(
    pod: ScriptedScorer, asks: Asks
) -> None:
    pod.host = "lab"
    pod.open()
    pod.agent.start(JobSpec(job="train-1", argv=("true",)))
    _, answer = asks(pod)
    assert isinstance(answer, AnswerThere)
    assert (answer.host, answer.rented, answer.usd) == ("lab", None, 0)
    assert pod.jobs == ["train-1"]
    running = [words_of(process) for process in psutil.process_iter()]
    assert not [words for words in running if str(pod.folder / "score.py") in words]
    assert not list((pod.folder / "root" / "scoring").iterdir())
    pod.agent.start(JobSpec(job="train-2", argv=("true",)))


@pytest.mark.child
def test_a_host_whose_glass_lets_variants_out_or_once_did_does_not_score(
    pod: ScriptedScorer, asks: Asks
) -> None:
    pod.host = "lab"
    pod.has_glass("rlimits")
    for _ in range(2):
        with pytest.raises(GlassTooWeak, match=r"install bubblewrap on lab.*glass/host-lab\.json"):
            asks(pod)
        pod.has_glass("bubblewrap")
    assert not (pod.folder / "root" / "harvested").exists()


def test_machines_of_skypilot_neither_harvest_nor_score(tmp_path: Path) -> None:
    check_trains_only(settings_of(tmp_path, FUMEHOOD_POD_SCORING="here"))
    for name in ("FUMEHOOD_POD_HARVEST", "FUMEHOOD_POD_SCORING"):
        with pytest.raises(BadRequest, match=f'{name}=there.*to here.*"runpod" or "ssh"'):
            check_trains_only(settings_of(tmp_path, **{name: "there"}))


@pytest.mark.child
@pytest.mark.slow
def test_a_pod_that_loses_its_scorer_is_replaced_and_asked_again(
    pod: ScriptedScorer, asks: Asks
) -> None:
    lost = pod.folder / "lost"
    pod.scores(
        f"ready(); key, sent = asked(); before = os.path.exists({str(lost)!r})\n"
        f"open({str(lost)!r}, 'w').close()\n"
        "done(key, score(sent) if before else None); stay()"
    )
    _, answer = asks(pod)
    assert isinstance(answer, AnswerThere) and pod.opened == 2
    assert "neither a score nor a failure" in pod.losses[0]


@pytest.mark.child
def test_a_pod_on_which_anything_else_was_started_refuses_to_score_and_one_that_scored_to_train(
    pod: ScriptedScorer, asks: Asks
) -> None:
    pod.open()
    agent = pod.agent
    agent.start(JobSpec(job="setup", argv=("true",), purpose="own"))
    agent.start(JobSpec(job="train-1", argv=("true",)))
    (pod.folder / "root" / "jobs" / "train-1" / "status.json").unlink()
    with pytest.raises(FumehoodError, match="a job that may have run a variant"):
        agent.start(JobSpec(job="score-1", argv=("true",), purpose="scoring"))
    (pod.folder / "root" / "past").write_text("own\n", encoding="utf-8")
    agent.start(JobSpec(job="score-2", argv=("true",), purpose="scoring"))
    with pytest.raises(FumehoodError, match="this machine scores, and does nothing else"):
        agent.start(JobSpec(job="train-2", argv=("true",)))


def test_a_sealed_holdout_is_never_sent_to_a_pod(state: Path, tmp_path: Path) -> None:
    class NoPod:
        name = key = "no pod"

        def open(self) -> Any:
            raise AssertionError("nothing is rented for it")

        def look(self) -> None:
            raise AssertionError("nothing is rented for it")

        def release(self, why: str) -> None:
            raise AssertionError("nothing is rented for it")

    scorer = ScorerThere(NoPod(), GlassThere(state))
    with pytest.raises(BadRequest, match="never sent to a rented machine"):
        scorer.prepare(setup_in(tmp_path, sealed=True))
    scorer.close()
