"""A complete run with controls, on the synthetic subject: the bench tells them apart."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from fumehood_tools.bench.table import read_benchmarks
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.kinds import SAE, template_folder
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.slow


def test_a_run_says_of_itself_whether_it_tells_controls_apart(
    tmp_path: Path, shared_cache: Path, ended: Callable[[JobStore, Job], Job]
) -> None:
    settings = Settings(workspace=tmp_path / "ws", cache=shared_cache)
    box = create_sandbox(
        settings, "box", subject="synthetic", dict_size=128, train_tokens=8_000, eval_tokens=2_032
    )
    source = (template_folder(SAE) / "variants" / "topk.py").read_text(encoding="utf-8")
    (box.variants / "renamed.py").write_text(f"{source}\n# mine\n", encoding="utf-8")
    with contextlib.closing(JobStore(settings.state)) as store:
        variants = ["topk", "renamed"]
        job = start_run(settings, store, "box", variants, [0, 1], controls=True).job
        job = ended(store, job)
    assert job.status == "succeeded" and job.result is not None, job
    assert len(job.result["scored"]) == 10, job.result
    table = read_benchmarks(box.folder, details=True)
    assert {row.variant for row in table.rows} == {"topk", "renamed"}
    assert table.controls_ok is True, table.text()
    assert "worth no more than topk with the same seed" in table.text()
    [renamed] = (row for row in table.rows if row.variant == "renamed")
    assert renamed.change == "inert"
    assert not list(box.variants.glob("blank*"))
