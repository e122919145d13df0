"""Budgets in real jobs on the synthetic subject: work, data in a file, and the messages."""

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakes.sandbox_files import change_setting, tiny_sandbox

from fumehood_tools.bench.table import read_benchmarks
from fumehood_tools.errors import RunFailed
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.runs.items import settings_digest
from fumehood_tools.runs.references import References
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec, check_spec

Ended = Callable[[JobStore, Job], Job]
# Many passes over each batch: 1,000 reach the limit on processor time, however busy the machine is;
# 60 are clearly more work than the baseline does, and end soon.
LONG = """

class CustomTrainer(CustomTrainer):
    def update(self, step, x):
        for _ in range({passes}):
            found = super().update(step, x)
        return found
"""
# Spends `seconds` of processor time in every child that decodes.
IN_SCORING = """

import time


class CustomSAE(CustomSAE):
    def decode(self, f):
        started = time.process_time()
        while not self.training and time.process_time() - started < {seconds}:
            pass
        return super().decode(f)
"""


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    made = tiny_sandbox(settings)
    topk = (made.variants / "topk.py").read_text(encoding="utf-8")
    files = {
        "long": LONG.format(passes=1000),
        "some": brought(1_000),
        "much": brought(6_000),
        "later": IN_SCORING.format(seconds=5),
        "endless": IN_SCORING.format(seconds=1e6),
    }
    for name, more in files.items():
        (made.variants / f"{name}.py").write_text(f"{topk}\n{more}\n", encoding="utf-8")
    return made


def brought(size: int) -> str:
    return f'W = "{random.Random(0).randbytes(size).hex()}"'


@pytest.mark.slow
@pytest.mark.child
def test_work_and_constants_have_a_budget_and_are_in_every_table(
    settings: Settings, box: Sandbox, ended: Ended
) -> None:
    names = ["topk", "standard", "untrained", "some", "long", "much"]
    with contextlib.closing(JobStore(settings.state)) as store:
        job = ended(store, start_run(settings, store, "box", names, [0]).job)
        assert job.status == "succeeded" and job.result is not None, store.read_log(job.job_id)
        failed = {failure.label: failure for failure in read_benchmarks(box.folder).failures}
        assert set(failed) == {"long", "much"}
        assert (failed["long"].stage, failed["long"].check) == ("train", "work_budget")
        assert "limits.work_ratio" in failed["long"].message
        assert "allowed: 3 times," in failed["long"].message
        assert (failed["much"].stage, failed["much"].check) == ("check", "source_budget")
        assert "limits.constants_kb" in failed["much"].message

        table = read_benchmarks(box.folder)
        rows = {row.variant: row for row in table.rows}
        assert all("work" in row.metrics for row in rows.values())
        assert {name for name, row in rows.items() if row.elsewhere} == {"some", "untrained"}
        [warning] = [text for text in table.warnings if "Not trained here" in text]
        assert "some" in warning and "untrained" not in warning

        change_setting(box.folder, "limits", "work_ratio", 10_000)
        shorter = box.variant_path("topk").read_text(encoding="utf-8") + LONG.format(passes=60)
        box.variant_path("long").write_text(shorter, encoding="utf-8")
        job = ended(store, start_run(settings, store, "box", ["long"], [0]).job)
        assert job.status == "succeeded", store.read_log(job.job_id)
    table = read_benchmarks(box.folder)
    [long] = table.rows
    assert long.metrics["work"].mean > 5
    [other] = table.other_settings
    assert other.differs == ["limits.work_ratio 3.0 instead of 10000.0"]


def test_a_setting_covers_what_an_sae_may_hold_and_spend_and_not_what_only_protects() -> None:
    def digest(**limits: float) -> str:
        return settings_digest(check_spec({"limits": limits}))

    deciding = ("parameter_ratio", "work_ratio", "source_kb", "constants_kb")
    assert len({digest(), *(digest(**{name: 7}) for name in deciding)}) == 5
    protecting = ("train_minutes", "score_minutes", "memory_gb", "scratch_gb")
    assert {digest(**{name: 7}) for name in protecting} == {settings_digest(SandboxSpec())}


@pytest.mark.slow
def test_work_that_is_done_while_the_decoder_is_asked_is_work_of_training(
    settings: Settings, box: Sandbox, ended: Ended
) -> None:
    with contextlib.closing(JobStore(settings.state)) as store:
        names = ["topk", "later", "endless"]
        job = ended(store, start_run(settings, store, "box", names, [0]).job)
        assert job.status == "succeeded" and job.result is not None, store.read_log(job.job_id)
        failed = {failure.label: failure for failure in read_benchmarks(box.folder).failures}
        assert set(failed) == {"later", "endless"}
        for failure in failed.values():
            assert (failure.stage, failure.check) == ("score", "work_budget")
            assert "Let decode use the" in failure.message


def test_nothing_is_trained_where_its_budget_cannot_be_measured() -> None:
    nothing: Any = None  # nothing is started, so neither a recipe nor a nursery are needed
    no_data: Any = SimpleNamespace(train_shards=())
    references = References(nothing, no_data, nothing)
    with pytest.raises(RunFailed, match="could not be measured"):
        references.dearest(["topk", "standard"], 1)
