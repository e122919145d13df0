"""The problems for other people's agents: what they find, and how their claims are scored."""

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from fakes.sandbox_files import leave_out_probing

from fumehood_tools.compare import compare_variants
from fumehood_tools.hunts.answering import give_answer
from fumehood_tools.jobs import JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings, load_settings

TASKS = Path(__file__).resolve().parents[2] / "examples" / "tasks"
sys.path.insert(0, str(TASKS))

from claims import read_claims, score  # noqa: E402
from harbor_files import write  # noqa: E402
from problems import HUNT, OWN_VARIANT, PAPER_IDEAS, PLANTED, SANDBOX, set_up  # noqa: E402


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    """A workspace with the planted problem."""
    made = load_settings(tmp_path / "work", {"FUMEHOOD_CACHE": str(shared_cache)})
    made.workspace.mkdir()
    set_up(PLANTED, made)
    return made


def claim(settings: Settings, claims: Any) -> None:
    (settings.workspace / "claims.json").write_text(json.dumps(claims), "utf-8")


def test_right_claims_count_up_wrong_ones_down_and_unknown_ones_not_at_all(
    settings: Settings,
) -> None:
    claim(settings, {"amber": "worse", "birch": "worse", "cedar": "unknown", "x": "better"})
    found = score(PLANTED, settings)
    assert (found.right, found.wrong, found.unknown) == (1, 1, 4)
    assert found.score == 0.0
    claim(settings, PLANTED.truth)
    assert score(PLANTED, settings).score == 1.0


@pytest.mark.parametrize("content", ["", "[1]", "not json", '{"amber": 7}'])
def test_claims_that_cannot_be_read_count_as_unknown_and_say_why(
    settings: Settings, content: str
) -> None:
    (settings.workspace / "claims.json").write_text(content, "utf-8")
    found = score(PLANTED, settings)
    assert (found.score, found.unknown) == (0.0, 6)
    assert found.why


def test_an_agent_that_claims_nothing_gets_nothing(settings: Settings) -> None:
    assert read_claims(settings.workspace / "claims.json")[0] == {}
    assert score(PLANTED, settings).score == 0.0
    assert score(OWN_VARIANT, settings).score == 0.0


def test_the_paper_ideas_have_the_truth_of_the_results_page() -> None:
    page = (TASKS.parent / "paper/RESULTS.md").read_text("utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.count(" | ") >= 10]
    verdicts = {row[0].strip("| "): row[8] for row in rows}
    found = {name: verdicts[PAPER_IDEAS.files[name].stem] for name in PAPER_IDEAS.truth}
    assert found == PAPER_IDEAS.truth


def test_the_harbor_form_has_a_task_a_verifier_and_no_truth_beside_the_agent(
    tmp_path: Path,
) -> None:
    wheel = tmp_path / "fumehood-0-py3-none-any.whl"
    wheel.write_bytes(b"")
    write(tmp_path / "tasks", wheel)
    content = tomlkit.parse((tmp_path / "tasks/planted/task.toml").read_text("utf-8"))
    assert content["environment"]["mcp_servers"][0]["name"] == "fumehood"  # type: ignore[index]
    dockerfile = (tmp_path / "tasks/planted/environment/Dockerfile").read_text("utf-8")
    assert "rm -r /opt/problems" in dockerfile
    hunted = tomlkit.parse((tmp_path / "tasks/hunt/task.toml").read_text("utf-8"))
    assert "hunt,jobs" in hunted["environment"]["mcp_servers"][0]["args"]  # type: ignore[index]
    assert "claims.py planted" in (tmp_path / "tasks/planted/tests/test.sh").read_text("utf-8")


@pytest.mark.child
@pytest.mark.slow
def test_the_planted_truth_is_what_the_comparison_finds_with_five_seeds(
    settings: Settings,
) -> None:
    leave_out_probing(open_sandbox(settings, SANDBOX).folder)  # most of the time; not compared
    with contextlib.closing(JobStore(settings.state)) as store:
        grid = {"K": list(PLANTED.levels)}
        job = start_run(settings, store, SANDBOX, list(PLANTED.files), range(5), grid=grid).job
        end = time.monotonic() + 1_800
        while job.finished is None:
            assert time.monotonic() < end, store.read_log(job.job_id)
            time.sleep(0.5)
            job = store.get(job.job_id)
        assert job.status == "succeeded", store.read_log(job.job_id)
    folder = open_sandbox(settings, SANDBOX).folder
    rows = compare_variants(folder, baseline=PLANTED.baseline).rows
    assert {row.variant: row.verdict for row in rows} == PLANTED.truth
    receipt = next((folder / "results").glob("*/*/score.json"))
    receipt.write_text(receipt.read_text("utf-8").replace('"seed": ', '"seed": 9'), "utf-8")
    claim(settings, PLANTED.truth)
    assert score(PLANTED, settings).score == -1.0


@pytest.mark.child
@pytest.mark.slow
def test_a_claim_about_an_own_variant_is_tested_again_with_new_seeds(
    tmp_path: Path, shared_cache: Path
) -> None:
    made = load_settings(tmp_path / "work", {"FUMEHOOD_CACHE": str(shared_cache)})
    made.workspace.mkdir()
    set_up(OWN_VARIANT, made)
    box = open_sandbox(made, SANDBOX)
    source = (TASKS / "planted/amber.py").read_text("utf-8")
    (box.variants / "mine.py").write_text(source, "utf-8")
    claim(made, {"mine": "better", "gone": "better", "other": "unknown"})
    done = subprocess.run(
        [sys.executable, TASKS / "claims.py", "own_variant", made.workspace],
        capture_output=True,
        text=True,
        timeout=1_800,
        check=True,
        env={**made.as_environment(), "PYTHONPATH": ":".join(sys.path)},
    )
    found = json.loads(done.stdout)
    assert found["truth"] == {"mine": "worse", "gone": "not shown"}
    assert found["score"] == -1.0


@pytest.mark.child
@pytest.mark.slow
def test_the_problem_hunt_trains_an_sae_and_its_score_is_that_of_the_hunt(
    tmp_path: Path, shared_cache: Path
) -> None:
    made = load_settings(tmp_path / "work", {"FUMEHOOD_CACHE": str(shared_cache)})
    made.workspace.mkdir()
    set_up(HUNT, made)
    found = score(HUNT, made)
    assert (found.score, found.unknown) == (0.0, 3) and "no score yet" in found.why
    with contextlib.closing(JobStore(made.state)) as store:
        for repeat in (1, 2, 3):
            job = give_answer(made, store, "task", repeat, None).job
        assert job is not None
        end = time.monotonic() + 900
        while job.finished is None:
            assert time.monotonic() < end, store.read_log(job.job_id)
            time.sleep(0.5)
            job = store.get(job.job_id)
        assert job.status == "succeeded", store.read_log(job.job_id)
    found = score(HUNT, made)
    assert found.score == 0 and len(found.truth) == 3 and "best latent" in found.why
