"""Studies in sandboxes of other kinds; test_own_evaluation.py has those with their own code."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fakes.custom_scores import put_custom_score
from fakes.sandbox_files import leave_out_probing

from fumehood_tools.errors import BadRequest
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.receipts.audit import audit
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import HoldoutAnswer, StudyOpened
from fumehood_tools.studies.holdout.asking import ask
from fumehood_tools.studies.holdout.promoting import promote
from fumehood_tools.studies.judging import judge_plan
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import create_study
from fumehood_tools.studies.plans import Proposal, register_plan
from fumehood_tools.studies.running import run_plan
from fumehood_tools.studies.suggesting.suggest import Asked, suggest
from fumehood_tools.timestamps import now

Ended = Callable[..., Job]


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    """A workspace with the study `s`."""
    found = Settings(workspace=tmp_path / "ws", cache=shared_cache)
    create_study(found.workspace, "s", StudyOpened(question="?", written=now()))
    return found


@pytest.fixture
def store(settings: Settings) -> Iterator[JobStore]:
    with closing(JobStore(settings.state)) as opened:
        yield opened


def proposal(sandbox: str, variant: str, baseline: str, metric: str) -> Proposal:
    return Proposal(
        title="Is it better?",
        hypothesis="It is.",
        sandbox=sandbox,
        variants=[variant],
        baseline=baseline,
        metric=metric,
        smallest_effect=0.01,
        grid={"K": [4, 5]} if sandbox == "tc" else {},
        draw=3,
    )


def test_values_are_not_proposed_in_a_sandbox_with_its_own_evaluation(
    settings: Settings, store: JobStore
) -> None:
    box = create_sandbox(settings, "steer", source="steering")
    for seed in range(3):
        put_custom_score(settings, box, "mean_difference", seed, 0.8)
    lab = Lab(settings)
    with pytest.raises(BadRequest, match=r"no grid of constants.*about='hints'"):
        suggest(lab, store, Asked("s", about="parameters", sandbox="steer", variant="whitened"))
    # What needs no scores is answered, and those that are there confuse nothing.
    similar = suggest(lab, store, Asked("s", about="similar", sandbox="steer", variant="whitened"))
    assert "code: the packaged whitened" in [row.what for row in similar.suggestions]
    assert not suggest(lab, store, Asked("s", about="failures")).suggestions


@pytest.mark.child
@pytest.mark.slow
def test_a_plan_about_transcoders_is_run_judged_and_asked_about_on_the_holdout(
    settings: Settings, store: JobStore, ended: Ended
) -> None:
    box = create_sandbox(
        settings,
        "tc",
        source="transcoder",
        subject="synthetic",
        dict_size=256,
        train_tokens=103_000,
        eval_tokens=2_032,
    )
    leave_out_probing(box.folder)
    source = (box.variants / "skip_topk.py").read_text("utf-8")
    (box.variants / "mine.py").write_text(f"{source}\n# with a skip path\n", "utf-8")
    asked = proposal("tc", "mine", "topk", "explained_variance")
    plan = register_plan(Lab(settings, draw=random.Random(0)), "s", asked).entry.number
    job = ended(store, run_plan(Lab(settings), store, "s", plan).started.job, 1800)
    assert job.status == "succeeded", store.read_log(job.job_id)
    _, conclusion = judge_plan(Lab(settings), "s", plan)
    [claim] = conclusion.claims
    assert conclusion.registered and len(claim.receipts) == 6, conclusion
    # A linear skip path explains much of an MLP's output.
    assert claim.verdict == "supported" and claim.effect is not None, claim
    job = ended(store, ask(Lab(settings), store, "s", plan).job, 1800)
    assert job.status == "succeeded" and job.result, store.read_log(job.job_id)
    _, said = Lab(settings).studies.read("s").entry(job.result["entry"], HoldoutAnswer)
    assert [one.verdict for one in said.claims] == ["supported"], said
    quote = promote(Lab(settings), store, "s", plan, "mine", dry_run=True).retest
    assert (quote.there.spec.template, quote.there.spec.subject.site) == ("transcoder", "mlp_in")
    assert audit(settings.workspace)[0].is_sound
