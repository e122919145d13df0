"""A real ladder: a winner on the synthetic subject is tested on SmolLM2."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fakes.judged_variants import PURSUIT
from fakes.sandbox_files import leave_out_probing

from fumehood_tools.files import write_text
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.receipts.audit import audit
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import HoldoutAnswer, StudyOpened
from fumehood_tools.studies.holdout.promoting import promote
from fumehood_tools.studies.judging import judge_plan
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import create_study
from fumehood_tools.studies.plans import Proposal, register_plan
from fumehood_tools.studies.running import run_plan
from fumehood_tools.timestamps import now

pytestmark = [pytest.mark.child, pytest.mark.slow]
Ended = Callable[..., Job]


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    """A workspace with a synthetic sandbox, and a variant that is better anywhere."""
    found = Settings(workspace=tmp_path / "ws", cache=shared_cache)
    box = create_sandbox(
        found, "box", subject="synthetic", dict_size=256, train_tokens=103_000, eval_tokens=2_032
    )
    leave_out_probing(box.folder)
    write_text(box.variants / "pursuit.py", PURSUIT)
    return found


@pytest.fixture
def store(settings: Settings) -> Iterator[JobStore]:
    with closing(JobStore(settings.state)) as opened:
        yield opened


def test_a_winner_on_the_synthetic_subject_climbs_to_a_language_model(
    settings: Settings, store: JobStore, ended: Ended
) -> None:
    create_study(settings.workspace, "s", StudyOpened(question="?", written=now()))
    asked = Proposal(
        title="Is pursuit better?",
        hypothesis="It is.",
        sandbox="box",
        variants=["pursuit"],
        baseline="topk",
        metric="explained_variance",
        smallest_effect=0.01,
        grid={"K": [4, 5]},
        draw=3,
    )
    plan = register_plan(Lab(settings, draw=random.Random(0)), "s", asked).entry.number
    job = ended(store, run_plan(Lab(settings), store, "s", plan).started.job, 1800)
    assert job.status == "succeeded", store.read_log(job.job_id)
    _, conclusion = judge_plan(Lab(settings), "s", plan)
    assert [one.verdict for one in conclusion.claims] == ["supported"], conclusion.claims

    started = promote(Lab(settings), store, "s", plan, "pursuit", most_minutes=600)
    assert started.job and str(started.retest.there.spot) == "layer 10 of smollm2-135m"
    job = ended(store, started.job, 4000)
    assert job.status == "succeeded" and job.result, store.read_log(job.job_id)
    _, content = Lab(settings).studies.read("s").entry(job.result["entry"], HoldoutAnswer)
    assert (content.test, content.saes) == ("subject", 12)
    assert content.claims[0].verdict in ("supported", "lost on transfer")
    rung, *further = job.result["ladder"]
    assert rung.startswith("1. layer 10 of smollm2-135m: pursuit: ")
    held = content.claims[0].verdict == "supported"
    there = "subject='smollm2-135m', layer=20"
    call = f"promote_variant(study='s', plan={plan}, variant='pursuit', {there})"
    assert further == ([f"next rung: {call}"] if held else [])
    report, _ = audit(settings.workspace)
    assert report.is_sound
