"""A job of evaluations on real SAEs: records, table, repetition, and cheats that know the SAE."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table import read_benchmarks
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.evaluations.start import start_evaluations
from fumehood_tools.files import data_path
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.receipts.audit import audit
from fumehood_tools.redteam.evaluation_cases import FOLDER
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.child]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path_factory.mktemp("evaluated"), cache=shared_cache)


@pytest.fixture(scope="module")
def jobs(settings: Settings) -> JobStore:
    return JobStore(settings.state)


@pytest.fixture(scope="module")
def box(settings: Settings) -> Sandbox:
    sizes = {"dict_size": 128, "train_tokens": 60_000, "eval_tokens": 4_064}
    return create_sandbox(settings, "box", subject="synthetic", **sizes)  # type: ignore[arg-type]


def cheat(box: Sandbox, name: str, **names: str) -> None:
    text = (data_path(FOLDER) / "cheats" / f"{name}.py").read_text(encoding="utf-8")
    for word, value in names.items():
        text = text.replace(word, value)
    (box.folder / "evaluations").mkdir(exist_ok=True)
    (box.folder / "evaluations" / f"{name}.py").write_text(text, encoding="utf-8")


def test_a_job_evaluates_what_is_scored_and_repeats_nothing(
    settings: Settings, jobs: JobStore, box: Sandbox, ended: Callable[..., Job]
) -> None:
    with pytest.raises(BadRequest, match="There is no score in box"):
        start_evaluations(settings, jobs, "box", [])
    run = start_run(settings, jobs, "box", ["topk", "untrained"], [0, 1])
    assert ended(jobs, run.job).status == "succeeded"
    with pytest.raises(UnknownName, match="variant with a score 'standard'"):
        start_evaluations(settings, jobs, "box", [], ["standard"])
    job = ended(jobs, start_evaluations(settings, jobs, "box", []).job)
    assert job.status == "succeeded", (job.error, jobs.read_log(job.job_id))
    result: dict[str, Any] = job.result or {}
    assert (result["evaluated"], result["not_applicable"]) == (16, 4)
    said, *notes = result["summary"]
    assert said == "5 evaluations of 4 SAEs: 16 evaluated, 4 not applicable"
    assert any("first_letter: it needs a language model" in note for note in notes)
    scores = Shelf(settings.state).collect(box.results).scores.values()
    assert all(score.metrics["latent_census__dense"] > 0 for score in scores)
    tracked = {score.variant: score.metrics["feature_absorption__tracked"] for score in scores}
    assert tracked["topk"] > 0.3
    assert "MCC: by the evaluation dictionary_recovery" in read_benchmarks(box.folder).text()
    report, _ = audit(settings.workspace)
    assert report.is_sound and report.others == {"evaluation": 16}
    again = start_evaluations(settings, jobs, "box", [])
    assert again.recorded == 16 and ended(jobs, again.job).status == "succeeded"


def test_cheats_that_know_the_sae_are_caught_and_a_lost_record_is_made_again(
    settings: Settings, jobs: JobStore, box: Sandbox, ended: Callable[..., Job]
) -> None:
    [folder] = box.results.glob("topk/seed0-*")
    state = load_file(folder / "sae.safetensors")
    W = next(value.T for name, value in state.items() if value.shape == (64, 128))
    digest = hashlib.sha256(np.ascontiguousarray(W)).hexdigest()
    cheat(box, "looks_at_name", VARIANTNAME="topk")
    cheat(box, "told_by_digest", DIGEST=digest)
    cheat(box, "undeclared")
    shutil.rmtree(next(box.results.glob("topk/evaluations/*-latent_census-*")))
    names = ["looks_at_name", "told_by_digest", "undeclared", "latent_census"]
    job = ended(jobs, start_evaluations(settings, jobs, "box", names).job)
    assert job.status == "succeeded", (job.error, jobs.read_log(job.job_id))
    result: dict[str, Any] = job.result or {}
    notes = " ".join(result["notes"])
    assert result["failed"] >= 4 and "declared_metrics" in notes
    values = [
        json.loads(path.read_text(encoding="utf-8"))["metrics"]
        for path in box.results.glob("*/evaluations/*/evaluation.json")
    ]
    assert not [one for one in values if one.get("looks_at_name__score", 0) > 0.5]
    assert not [one for one in values if one.get("told_by_digest__score", 0) > 0.5]
    assert list(box.results.glob("topk/evaluations/*-latent_census-*"))
