"""Suggestions about SAEs that were really trained, on the synthetic subject."""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.sandbox_files import leave_out_probing

from fumehood_tools.files import write_text
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import StudyOpened
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import create_study
from fumehood_tools.studies.running import run_plan
from fumehood_tools.studies.suggesting.suggest import Asked, suggest

pytestmark = [pytest.mark.child, pytest.mark.slow]

Ended = Callable[[JobStore, Job], Job]


def test_a_renamed_topk_is_as_like_topk_as_two_seeds_are_and_untrained_directions_are_not(
    tmp_path: Path, shared_cache: Path, ended: Ended
) -> None:
    settings = Settings(workspace=tmp_path / "ws", cache=shared_cache)
    box = create_sandbox(
        settings, "box", subject="synthetic", dict_size=128, train_tokens=800_000, eval_tokens=2_032
    )
    leave_out_probing(box.folder)
    source = (box.variants / "topk.py").read_text("utf-8")
    write_text(box.variants / "mine.py", source.replace("centred", "shifted").replace("32", "33"))
    create_study(settings.workspace, "s", StudyOpened(question="Is it new?", written="x"))
    with contextlib.closing(JobStore(settings.state)) as store:
        at = {"grid": {"K": [6]}}
        for names, more in ((["topk", "mine", "batch_topk"], at), (["untrained"], {})):
            job = ended(store, start_run(settings, store, "box", names, [0, 1], **more).job)
            assert job.status == "succeeded", store.read_log(job.job_id)
        found = suggest(Lab(settings), store, Asked("s", "similar", "box", "mine"))
    rows = [row for row in found.suggestions if row.what.startswith("weights")]
    said = {re.findall(r"dictionary of (\w+)", row.what)[0]: row for row in rows}
    print(*(f"\n{row.what}: {row.value}\n  {row.why}" for row in rows))
    assert {"topk", "batch_topk", "untrained"} <= said.keys()
    assert "so other seeds cannot tell the two apart" in said["topk"].why
    assert "the same dictionary, latent by latent" in said["topk"].why
    assert "hardly more alike than chance" in said["untrained"].why
    assert "latent by latent" not in said["batch_topk"].why + said["untrained"].why
    values: dict[str, Any] = {name: row.value for name, row in said.items()}
    assert values["topk"] > values["untrained"] + 0.1
    assert values["batch_topk"] > values["untrained"] + 0.1
    code = next(row for row in found.suggestions if row.what.startswith("code"))
    assert (code.what, code.value) == ("code: the packaged topk", 1)


def test_a_try_that_runs_keeps_others_away_and_one_that_was_killed_is_proposed_again(
    bench: Any, ended: Ended
) -> None:
    sandbox, _ = bench.box()
    leave_out_probing(sandbox.folder)
    bench.forget()
    source = (sandbox.variants / "topk.py").read_text("utf-8")
    slower = 'kwargs["lr"] = kwargs["lr"] * RATE\n        short_run = threshold'
    source = source.replace("short_run = threshold", slower).replace("K = 32", "K = 32\nRATE = 1.0")
    write_text(sandbox.variants / "mine.py", source)
    plan = bench.plan("mine", grid={"RATE": [0.5, 0.25]}, l0_targets=[6])
    job = run_plan(Lab(bench.settings), bench.jobs, "threshold", plan).started.job
    notes = " ".join(bench.ask("parameters", variant="mine").notes)
    assert "2 running" in notes
    bench.jobs.cancel(job.job_id)
    job = ended(bench.jobs, job)
    assert job.status == "cancelled"
    [row] = bench.rows("parameters", variant="mine")
    assert row.what.startswith("mine with RATE=0.5 or 0.25")
    assert "cut short" in row.why
    job = run_plan(Lab(bench.settings), bench.jobs, "threshold", plan).started.job
    assert ended(bench.jobs, job).status == "succeeded", bench.jobs.read_log(job.job_id)
    found = bench.ask("parameters", variant="mine")
    assert "2 compared at equal L0" in " ".join(found.notes)
    assert not any("cut short" in row.why for row in found.suggestions)
