"""A study that was really run is verified and scored again in a workspace without its key."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.sandbox_files import tiny_sandbox

from fumehood.cli import main
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.settings import Settings
from fumehood_tools.studies.archive.writing import export_study
from fumehood_tools.studies.entries import Reflection, StudyOpened
from fumehood_tools.studies.notebook import append, create_study

WHEN = "2026-11-30T00:00:00+00:00"


@pytest.mark.slow
@pytest.mark.child
def test_a_stranger_scores_the_saes_of_an_archive_again(
    tmp_path: Path,
    shared_cache: Path,
    ended: Callable[[JobStore, Job], Job],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = Settings(workspace=tmp_path / "ws", cache=shared_cache)
    tiny_sandbox(settings)
    with contextlib.closing(JobStore(settings.state)) as store:
        job = ended(store, start_run(settings, store, "box", ["topk"], seeds=[0, 1]).job)
        assert job.status == "succeeded", store.read_log(job.job_id)
    create_study(settings.workspace, "threshold", StudyOpened(question="?", written=WHEN))
    evidence: Any = [{"kind": "receipt", "reference": "mean:box/topk#l0", "found": "12"}]
    insight = Reflection(insight="It trains.", next_step="Go on.", evidence=evidence, written=WHEN)
    append(settings.workspace, "threshold", insight)
    made = export_study(settings.workspace, "threshold", tmp_path / "study.zip", weights=True)
    (tmp_path / "ws").rename(tmp_path / "elsewhere")
    monkeypatch.setenv("FUMEHOOD_CACHE", str(shared_cache))
    where = ["--workspace", str(tmp_path / "second")]
    code = main(["verify", str(made.file), "--key", str(made.key), "--rescore", "2", *where])
    out = capsys.readouterr().out
    assert code == 0, out
    assert out.count(": scored again") == 2
