"""A real question to the holdout: what it measures, what it keeps, and what a killed job costs."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import fmean

import numpy as np
import psutil
import pytest
import torch
from fakes.judged_variants import PURSUIT, memorised
from fakes.sandbox_files import leave_out_probing
from safetensors.torch import load_file

from fumehood_tools.files import write_text
from fumehood_tools.harvest.tokens import sampled_rows
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.runs.harvesting import harvest
from fumehood_tools.sandbox.create import create_sandbox, open_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import HoldoutAnswer, Plan, StudyOpened
from fumehood_tools.studies.holdout.asking import ask
from fumehood_tools.studies.holdout.seal import holdout_seed
from fumehood_tools.studies.holdout.standing import PlannedScore, standing_scores
from fumehood_tools.studies.holdout.unseen import holdout_tokens
from fumehood_tools.studies.judging import judge_plan
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import create_study
from fumehood_tools.studies.plans import Proposal, register_plan
from fumehood_tools.studies.running import run_plan
from fumehood_tools.subjects.synthetic import SyntheticSubject
from fumehood_tools.timestamps import now

pytestmark = [pytest.mark.child, pytest.mark.slow]
Ended = Callable[..., Job]
LEVELS = [4, 5]


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    """A workspace with a sandbox whose evaluation split is small enough to know by heart."""
    found = Settings(workspace=tmp_path / "ws", cache=shared_cache)
    box = create_sandbox(
        found, "box", subject="synthetic", dict_size=256, train_tokens=103_000, eval_tokens=256
    )
    leave_out_probing(box.folder)
    box = open_sandbox(found, "box")
    scale = harvest(box.spec, found, tmp_path).activations.scale
    write_text(box.variants / "pursuit.py", PURSUIT)
    write_text(box.variants / "memorised.py", memorised(128, 256, scale))
    return found


@pytest.fixture
def store(settings: Settings) -> Iterator[JobStore]:
    with closing(JobStore(settings.state)) as opened:
        yield opened


def kill_while_scoring(store: JobStore, job: Job) -> None:
    """Kill the worker of a job, with all of its children, in the middle of the scoring."""
    end = time.monotonic() + 300
    while not (job.progress and job.progress.phase == "score" and job.progress.done >= 2):
        assert job.status in ("queued", "starting", "running"), store.read_log(job.job_id)
        assert time.monotonic() < end
        time.sleep(0.1)
        job = store.get(job.job_id)
    (worker,) = [
        process
        for process in psutil.process_iter(["cmdline"])
        if "fumehood_tools.studies.holdout.worker" in (process.info["cmdline"] or [])
        and str(store.folder(job.job_id)) == process.cwd()
    ]
    for process in (worker, *worker.children(recursive=True)):
        process.kill()


def explained(one: PlannedScore, workspace: Path, x_ND: torch.Tensor, scale: float) -> float:
    """Return the explained variance of a stored SAE, computed without the evaluator."""
    weights = load_file(workspace / one.place / "sae.safetensors")
    k = int(one.score.parameters.get("K", 4))
    W_FD = weights["decoder.weight"].T.contiguous()
    centred_ND = x_ND / scale - weights["b_dec"]
    if one.name == "topk":
        pre_NF = (centred_ND @ weights["encoder.weight"].T + weights["encoder.bias"]).relu()
        values, index = pre_NF.topk(k, dim=1)
        f_NF = torch.zeros_like(pre_NF).scatter(1, index, values)
    else:
        space: dict[str, object] = {}
        source = PURSUIT[PURSUIT.index("def pursue") : PURSUIT.index("class CustomSAE")]
        exec(source, {"torch": torch}, space)
        f_NF = space["pursue"](centred_ND, W_FD, k)  # type: ignore[operator]
    x_hat_ND = (f_NF.bfloat16().float() @ W_FD + weights["b_dec"]) * scale
    spread = (x_ND - x_ND.mean(0)).square().sum()
    return float(1 - (x_ND - x_hat_ND).square().sum() / spread)


def own_effect(settings: Settings, plan: int) -> float:
    """Return by how much `pursuit` is better than topk on the holdout, computed here."""
    lab = Lab(settings)
    entry, content = lab.studies.read("s").entry(plan, Plan)
    spec = open_sandbox(settings, "box").spec
    subject, seed = SyntheticSubject(), holdout_seed(settings.workspace, "s")
    rows = sampled_rows(subject, spec.corpus.context, holdout_tokens(spec.corpus), seed)
    x_BTD = subject.activations(torch.from_numpy(rows.astype(np.int64)))
    x_ND = x_BTD[:, 1:].flatten(0, 1).half().float()
    scale = harvest(spec, settings, settings.workspace).activations.scale
    scores = standing_scores(lab, content, entry.receipt).scores
    with torch.no_grad():
        mean = {
            name: fmean(explained(one, settings.workspace, x_ND, scale) for one in scores[name])
            for name in ("topk", "pursuit")
        }
    return mean["pursuit"] - mean["topk"]


def files_of(folder: Path) -> set[Path]:
    """Return all files in a folder."""
    return {path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


def test_a_gain_on_the_rows_of_the_sandbox_is_lost_and_a_killed_question_costs_nothing(
    settings: Settings, store: JobStore, ended: Ended
) -> None:
    create_study(settings.workspace, "s", StudyOpened(question="?", written=now()))
    asked = Proposal(
        title="Which is better?",
        hypothesis="Both are.",
        sandbox="box",
        variants=["pursuit", "memorised"],
        baseline="topk",
        metric="explained_variance",
        smallest_effect=0.01,
        grid={"K": LEVELS},
        draw=3,
    )
    plan = register_plan(Lab(settings, draw=random.Random(0)), "s", asked).entry.number
    job = ended(store, run_plan(Lab(settings), store, "s", plan).started.job, 1200)
    assert job.status == "succeeded", store.read_log(job.job_id)
    # What `memorised` changes can only be its training, so it must beat a faster baseline, too.
    faster = {"grid": {"K": LEVELS}, "training": {"lr": 0.004}}
    job = ended(store, start_run(settings, store, "box", ["topk"], [0, 1, 2], **faster).job, 1200)
    assert job.status == "succeeded", store.read_log(job.job_id)
    _, conclusion = judge_plan(Lab(settings), "s", plan)
    assert conclusion.registered
    assert {one.variant: one.verdict for one in conclusion.claims} == {
        "pursuit": "supported",
        "memorised": "supported",
    }, [one.reason for one in conclusion.claims]
    cached = files_of(settings.cache)

    first = ask(Lab(settings), store, "s", plan)
    assert first.job and first.counted.question.number == 1 and first.counted.left == 2
    kill_while_scoring(store, first.job)
    assert ended(store, store.get(first.job.job_id)).status == "failed"
    again = ask(Lab(settings), store, "s", plan)
    assert again.job and again.job.job_id != first.job.job_id
    assert again.counted == first.counted
    job = ended(store, again.job, 1200)
    assert job.status == "succeeded", store.read_log(job.job_id)
    done = ask(Lab(settings), store, "s", plan)
    assert done.job is None and done.counted.left == 2

    entries = Lab(settings).studies.read("s").only(HoldoutAnswer)
    assert [content.asked for _, content in entries] == [True, False]
    answer = entries[1][1]
    assert entries[1][0].number == done.counted.question.answer
    claims = {one.variant: one for one in answer.claims}
    assert claims["pursuit"].verdict == "supported"
    assert claims["memorised"].verdict != "supported"
    effect = claims["pursuit"].effect
    assert effect is not None
    assert effect == pytest.approx(own_effect(settings, plan), abs=2e-3)
    nothing_is_left(settings, store, cached)


def nothing_is_left(settings: Settings, store: JobStore, cached: set[Path]) -> None:
    """The holdout's rows are in no cache, and no file of a job has anything of a single SAE."""
    assert files_of(settings.cache) <= cached
    assert not files_of(settings.state / "holdout")
    for job in store.list(kind="holdout").jobs:
        folder = store.folder(job.job_id)
        assert {path.name for path in files_of(folder)} <= {
            *("spec.json", "output.log", "supervisor.log"),
            *("progress.json", "result.json", "error.json"),
        }
        log = (folder / "output.log").read_text("utf-8")
        assert "explained" not in log and "seed" not in log
