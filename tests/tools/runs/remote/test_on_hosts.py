"""A run on hosts of the user's own: real sshd on loopback, and the trainings of a local run."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fakes.loopback_ssh import LoopbackSsh, loopback_ssh
from fakes.pod_runs import box, metrics_of, run_here, weights_of, words_of
from fakes.sandbox_files import change_setting

from fumehood_tools.pods.ssh import ClientKey
from fumehood_tools.receipts.audit import audit
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings, load_settings

pytestmark = pytest.mark.child


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    own = {"FUMEHOOD_CACHE": str(shared_cache), "FUMEHOOD_DEVICE": "cpu"}
    return load_settings(tmp_path / "ws", own)


@pytest.fixture
def host(tmp_path: Path, settings: Settings) -> Iterator[LoopbackSsh]:
    """A host named lab, which is in hosts.toml."""
    folder = tmp_path / "lab"
    with loopback_ssh(folder, ClientKey(settings.state).public()) as running:
        lines = ("[lab]", 'address = "127.0.0.1"', f"port = {running.port}", "gpus = 0")
        user = f'user = "{running.address.user}"'
        more = (f'folder = "{running.root}"', f'python = "{sys.executable}"')
        text = "\n".join([*lines, user, *more, ""])
        (settings.workspace / "hosts.toml").write_text(text, encoding="utf-8")
        yield running


@pytest.mark.slow
def test_a_run_on_a_host_gives_the_weights_of_a_run_on_this_machine(
    settings: Settings, host: LoopbackSsh, tmp_path: Path
) -> None:
    for name in ("here", "there"):
        box(settings, name)
    variants = ("topk", "gated")
    request = RunRequest(sandbox="here", variants=variants, seeds=(0,))
    run_here(settings, tmp_path / "job-here", request)
    elsewhere = request.model_copy(update={"sandbox": "there", "target": "ssh"})
    result = run_here(settings, tmp_path / "job-there", elsewhere)
    assert sorted(result["scored"]) == ["gated seed 0", "topk seed 0"]
    assert weights_of(settings, "there") == weights_of(settings, "here")
    [score] = (settings.sandboxes / "there" / "results" / "topk").glob("*/score.json")
    record = json.loads(score.read_text(encoding="utf-8"))
    assert record["work"]["reference"] is None, "what a machine says about itself is no limit"
    assert record["cost"]["usd"] == 0 and record["cost"]["rented"] is None
    assert record["cost"]["scored_host"] is None, "it is scored here, if nobody asks for more"


@pytest.mark.slow
def test_a_host_scores_what_it_trained_as_this_machine_does_and_nothing_of_it_stays_there(
    settings: Settings, host: LoopbackSsh, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = load_settings(
        settings.workspace, {**settings.as_environment(), "FUMEHOOD_POD_SCORING": "there"}
    )
    for name in ("here", "there"):
        made = create_sandbox(
            settings,
            name,
            subject="synthetic",
            dict_size=64,
            train_tokens=8_000,
            eval_tokens=2_032,
        )
        for setting, value in {"probing_train": 60, "probing_test": 40}.items():
            change_setting(made.folder, "scoring", setting, value)
    request = RunRequest(sandbox="here", variants=("topk", "gated"), seeds=(0,))
    run_here(settings, tmp_path / "job-here", request)
    elsewhere = request.model_copy(update={"sandbox": "there", "target": "ssh"})
    result = run_here(there, tmp_path / "job-there", elsewhere)
    assert sorted(result["scored"]) == ["gated seed 0", "topk seed 0"]
    assert weights_of(there, "there") == weights_of(there, "here")
    scores, before = metrics_of(there, "there"), metrics_of(there, "here")
    assert len(scores) == 2 and scores.keys() == before.keys()
    for name, metrics in scores.items():
        assert {"loss_recovered", "probing_top5"} <= metrics.keys()
        assert metrics == pytest.approx(before[name], rel=1e-6), name
    for path in (settings.sandboxes / "there" / "results").rglob("score.json"):
        cost = json.loads(path.read_text(encoding="utf-8"))["cost"]
        assert (cost["usd"], cost["scored_on"], cost["scored_host"]) == (0, None, "lab")
    report, _ = audit(settings.workspace)
    assert {one.code for one in report.findings} == {"scored_on_host"} and report.is_sound
    assert "scored on host lab, with 1 more" in report.findings[0].message
    assert "variants have the glass" in capsys.readouterr().out
    assert not list((host.root / ".fumehood/scoring").iterdir())
    assert not list((host.root / ".fumehood/jobs").glob("score-*"))
    running = [words_of(process) for process in psutil.process_iter()]
    assert not [words for words in running if f"{host.root}/.fumehood/scoring" in " ".join(words)]
