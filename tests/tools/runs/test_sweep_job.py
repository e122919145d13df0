"""Sweeps in real jobs on the synthetic subject: grids, target L0s, and reuse of scores."""

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.sandbox_files import tiny_sandbox

from fumehood_tools.bench.table import read_benchmarks
from fumehood_tools.compare import compare_variants
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.child

Ended = Callable[[JobStore, Job], Job]


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache)


@pytest.fixture
def box(settings: Settings) -> Sandbox:
    return tiny_sandbox(settings)


@pytest.fixture
def store(settings: Settings, box: Sandbox) -> Iterator[JobStore]:
    with contextlib.closing(JobStore(settings.state)) as opened:
        yield opened


@pytest.mark.slow
def test_every_variant_is_brought_to_the_l0_and_then_run_with_all_seeds(
    settings: Settings, box: Sandbox, store: JobStore, ended: Ended
) -> None:
    wanted = {"variants": ["topk", "standard"], "seeds": [0, 1], "l0_targets": [6, 12]}
    started = start_run(settings, store, "box", **wanted)
    assert started.baseline == "topk" and started.saes == 12 and started.search_runs == 4
    assert started.seconds > 12
    job = ended(store, started.job)
    assert job.status == "succeeded" and job.result is not None, store.read_log(job.job_id)
    aimed = {(found["variant"], found["target_l0"]): found for found in job.result["aimed"]}
    assert len(aimed) == 4
    assert all(found["hit"] for found in aimed.values()), aimed
    assert {found["knob"] for found in aimed.values()} == {"K", "L1_PENALTY"}

    rows = {row.label: row for row in read_benchmarks(box.folder, limit=100, details=True).rows}
    for (variant, target), found in aimed.items():
        whole = [
            row
            for row in rows.values()
            if row.variant == variant and row.seeds == [0, 1] and row.parameters
        ]
        nearest = min(whole, key=lambda row: abs(row.metrics["l0"].mean - target))
        assert nearest.parameters == {found["knob"]: found["value"]}
        assert nearest.metrics["l0"].mean == pytest.approx(target, rel=0.15)
    # The unchanged file was the first try, with the first seed.
    assert rows["topk"].seeds == [0] and rows["topk"].parameters == {}
    around = job.result["baseline_levels"]
    assert [found["variant"] for found in around] == ["topk", "topk"]
    assert [found["target_l0"] for found in around] == [5.45, 13.2]
    standard = next(r for r in compare_variants(box.folder).rows if r.variant == "standard")
    assert standard.effect is not None and standard.effect.seeds == 2
    every_line_says_when_and_what(store, job)

    trained = len(job.result["scored"])
    again = ended(store, start_run(settings, store, "box", **wanted).job)
    assert again.result is not None
    assert again.result["scored"] == [] and len(again.result["reused"]) == trained
    assert again.result["aimed"] == job.result["aimed"]


def every_line_says_when_and_what(store: JobStore, job: Job) -> None:
    """The log has the time, the phase and the SAE; what libraries print is in a file beside it."""
    log = store.folder(job.job_id) / "output.log"
    lines = log.read_text(encoding="utf-8").splitlines()
    assert job.result is not None and len(lines) > 2 * len(job.result["scored"])
    form = re.compile(r"\d\d:\d\d:\d\d (start|harvest|measure|train|score) +\S[^:]*: ")
    for line in lines:
        assert form.match(line), line
    assert any(re.search(r" train +standard\(.*\) seed 1: ended after ", line) for line in lines)
    assert log.with_name("libraries.log").is_file()
    said = job.result["summary"]
    assert len(said) == 3 and said[1] == "4 of 4 target L0s reached", said


def test_a_grid_runs_every_combination_as_a_copy_with_a_row_of_its_own(
    settings: Settings, box: Sandbox, store: JobStore, ended: Ended
) -> None:
    wanted = {"grid": {"K": [4, 32]}, "training": {"lr": 0.004}, "request_key": "once"}
    started = start_run(settings, store, "box", ["topk"], [0], **wanted)
    job = ended(store, started.job)
    assert started.saes == 2 and job.status == "succeeded", store.read_log(job.job_id)
    # Trained with another rate than the one in sandbox.toml, which stays as it is.
    assert "topk with lr 0.004" in job.title and box.spec.training.lr == 0.002
    table = read_benchmarks(box.folder)
    assert job.result and job.result["setting"] == table.setting
    assert job.result["next"] == f"compare_variants(sandbox='box', setting={table.setting!r})"
    assert table.shared and dict(table.shared.values)["training.lr"] == "0.004"
    again = start_run(settings, store, "box", ["topk"], [0], training={"lr": 0.004})
    store.cancel(again.job.job_id)
    assert again.scored == 1 and again.seconds < started.seconds
    rows = {row.label: row for row in table.rows}
    assert set(rows) == {"topk", "topk(K=4)"}
    assert rows["topk(K=4)"].kind == "baseline" and rows["topk(K=4)"].stale is None
    assert rows["topk(K=4)"].metrics["l0"].mean == pytest.approx(4, rel=0.05)
    assert [row.label for row in read_benchmarks(box.folder, variants=["topk(K=4)"]).rows] == [
        "topk(K=4)"
    ]
    source = box.variant_path("topk").read_bytes()
    kept = {path.read_bytes() for path in box.results.glob("topk/*/topk.py")}
    assert kept == {source, source.replace(b"K = 32\n", b"K = 4\n")}
    # An edit of the file makes the scores of all copies stale.
    box.variant_path("topk").write_bytes(source + b"\n# edited\n")
    assert all(row.stale for row in read_benchmarks(box.folder).rows)


def test_what_cannot_be_swept_is_said_before_anything_runs(
    settings: Settings, box: Sandbox, store: JobStore
) -> None:
    (box.variants / "plain.py").write_text('"""No knob."""\n', encoding="utf-8")
    with pytest.raises(UnknownName, match="BANDWIDTH"):
        start_run(settings, store, "box", ["jumprelu"], grid={"BANDWITH": [0.1]})
    with pytest.raises(BadRequest, match=r'KNOB = "K"'):
        start_run(settings, store, "box", ["topk", "plain"], l0_targets=[8])
    with pytest.raises(BadRequest, match="K is the knob of topk"):
        start_run(settings, store, "box", ["topk"], grid={"K": [8]}, l0_targets=[8])
    with pytest.raises(BadRequest, match="half the dictionary"):
        start_run(settings, store, "box", ["topk"], l0_targets=[40])
    with pytest.raises(BadRequest, match="Pass a value of the same type"):
        start_run(settings, store, "box", ["topk"], grid={"K": ["many"]})
    with pytest.raises(BadRequest, match="no value for K"):
        start_run(settings, store, "box", ["topk"], grid={"K": []})
    assert store.list().total == 0
