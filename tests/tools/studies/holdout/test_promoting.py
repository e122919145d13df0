"""Real tests of winners on another layer: one that holds anywhere, and one that was tuned."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes.judged_variants import PURSUIT, tuned_to
from fakes.sandbox_files import leave_out_probing
from fakes.tiny_llama import save_tiny_llama

from fumehood_tools.files import write_text
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.receipts.audit import audit
from fumehood_tools.runs.harvesting import harvest
from fumehood_tools.sandbox.create import create_sandbox, open_sandbox
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
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write_corpus(path: Path) -> None:
    """Write 600 documents of 120 random words."""
    draw = random.Random(0)
    words = ["".join(draw.choices(LETTERS, k=draw.randrange(2, 8))) for _ in range(72_000)]
    texts = [" ".join(words[start : start + 120]) for start in range(0, len(words), 120)]
    write_text(path, "".join(json.dumps({"text": text}) + "\n" for text in texts))


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    """A workspace with a sandbox on layer 0, and a variant that knows the mean there."""
    (cache := tmp_path / "cache").mkdir()
    (shared_cache / "kernels").mkdir(exist_ok=True)
    (cache / "kernels").symlink_to(shared_cache / "kernels")
    found = Settings(workspace=tmp_path / "ws", cache=cache)
    save_tiny_llama(tmp_path / "llama")
    write_corpus(tmp_path / "texts.jsonl")
    box = create_sandbox(
        found,
        "box",
        subject=str(tmp_path / "llama"),
        layer=0,
        corpus=str(tmp_path / "texts.jsonl"),
        dict_size=96,
        train_tokens=103_000,
        eval_tokens=2_032,
    )
    leave_out_probing(box.folder)
    box = open_sandbox(found, "box")
    activations = harvest(box.spec, found, tmp_path).activations
    x_ND = np.load(activations.train_shards[0]).astype(np.float32) / activations.scale
    write_text(box.variants / "pursuit.py", PURSUIT)
    write_text(box.variants / "tuned.py", tuned_to(float(np.linalg.norm(x_ND.mean(0)))))
    return found


@pytest.fixture
def store(settings: Settings) -> Iterator[JobStore]:
    with closing(JobStore(settings.state)) as opened:
        yield opened


def test_a_gain_that_holds_on_another_layer_is_kept_and_one_that_was_tuned_is_lost(
    settings: Settings, store: JobStore, ended: Ended
) -> None:
    create_study(settings.workspace, "s", StudyOpened(question="?", written=now()))
    asked = Proposal(
        title="Which is better?",
        hypothesis="Both are.",
        sandbox="box",
        variants=["pursuit", "tuned"],
        baseline="topk",
        metric="explained_variance",
        smallest_effect=0.005,
        grid={"K": [6]},
        draw=8,
    )
    registered = register_plan(Lab(settings, draw=random.Random(0)), "s", asked)
    plan, planned = registered.entry.number, registered.plan.seeds
    job = ended(store, run_plan(Lab(settings), store, "s", plan).started.job, 1200)
    assert job.status == "succeeded", store.read_log(job.job_id)
    _, conclusion = judge_plan(Lab(settings), "s", plan)
    assert {one.variant: one.verdict for one in conclusion.claims} == {
        "pursuit": "supported",
        "tuned": "supported",
    }, [one.reason for one in conclusion.claims]

    answers = {}
    for name in ("pursuit", "tuned"):
        started = promote(Lab(settings), store, "s", plan, name)
        assert started.job and started.retest.there.spot.layer == 2
        job = ended(store, started.job, 1200)
        assert job.status == "succeeded" and job.result, store.read_log(job.job_id)
        again = promote(Lab(settings), store, "s", plan, name)
        assert again.job is None and again.answer == job.result["entry"]
        _, content = Lab(settings).studies.read("s").entry(job.result["entry"], HoldoutAnswer)
        assert (content.test, content.saes) == ("layer", 16)
        assert len(content.seeds) == 8 and not set(content.seeds) & set(planned)
        assert content.claims[0].seeds == content.seeds, "drawn for this test, not for the plan"
        assert "layer 2 of llama" in content.where and started.retest.sandbox in content.where
        answers[name] = content.claims[0]
    assert answers["pursuit"].verdict == "supported"
    assert answers["tuned"].verdict == "lost on transfer"
    effect = answers["tuned"].effect
    assert effect is None or abs(effect) < 0.005
    # The re-tests are ordinary sandboxes: everything in them has a receipt.
    report, _ = audit(settings.workspace)
    assert report.is_sound
    places = answers["pursuit"].receipts
    assert len(places) == 16 and all((settings.workspace / one).is_dir() for one in places)
