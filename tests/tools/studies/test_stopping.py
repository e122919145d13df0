"""Trainings that are stopped and started again: they are counted, named, and corrected for."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from fakes.pod_runs import wait_for
from fakes.studies_bench import Bench, planned

from fumehood_tools.files import write_text
from fumehood_tools.jobs import JobStore
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.studies.entries import Conclusion
from fumehood_tools.studies.judging import judge_plan
from fumehood_tools.studies.report.facts import Facts
from fumehood_tools.studies.report.parts import limitations
from fumehood_tools.studies.running import run_plan
from fumehood_tools.studies.stopping import Stopped, stopped_trainings
from fumehood_tools.studies.told import text_of
from fumehood_tools.studies.view import page_of

SLOWLY = "\n\nfor _ in range(400_000_000):\n    pass\n"
"""At the end of a file: its training has begun, and does not end before it is stopped."""


def begin(bench: Bench, name: str, seed: int, level: int = 8) -> None:
    """Enter the beginning of a training, as a job does that is stopped before the end of it."""
    box = open_sandbox(bench.settings, "box")
    recorder = Recorder(bench.settings, box, "rlimits")
    recorder.begun(Planner(box, "data").item(name, seed, {"K": level}))


def test_a_training_that_was_stopped_and_started_again_is_named_in_verdict_and_notebook(
    bench: Bench,
) -> None:
    plan = planned(bench, [0, 1, 2])
    number = bench.entered(plan).number
    for _ in range(3):
        begin(bench, "mine", 1)
    begin(bench, "mine", 0)  # at every place the last beginning has a score now
    bench.score_only({"mine": 0.03}, [0, 1, 2], levels=[8])
    assert stopped_trainings(bench.lab, plan) == Stopped({"mine": 2}, 6)
    _, conclusion = judge_plan(bench.lab, "study", number, early=True)
    assert conclusion.stopped == {"mine": 2} and conclusion.stopped_times == 6
    assert "2 trainings were stopped before there was an outcome (2 of mine)" in text_of(conclusion)
    assert "2 trainings stopped" in page_of(bench.study).text()
    begin(bench, "mine", 0)
    begin(bench, "mine", 1, level=12)
    _, later = judge_plan(bench.lab, "study", number, early=True)
    assert later.stopped == {"mine": 3}, "the one without an outcome may still be in training"
    assert stopped_trainings(bench.lab, plan) == Stopped({"mine": 4}, 6 * 3 * 3)


def test_only_trainings_of_the_plan_count(bench: Bench) -> None:
    plan = planned(bench, [0, 1, 2])
    begin(bench, "mine", 7)
    begin(bench, "other", 1)
    begin(bench, "topk", 1)
    bench.write("mine", 777)
    begin(bench, "mine", 1)
    assert stopped_trainings(bench.lab, plan) == Stopped({}, 1)
    assert {1, 7} <= bench.lab.used_seeds(), "but their seeds are not fresh any more"
    assert list(bench.lab.book.begun.values()) and not bench.lab.book.standing.keys() & (
        bench.lab.book.begun.keys()
    )


def test_a_report_names_the_trainings_that_were_stopped(bench: Bench) -> None:
    number = bench.entered(planned(bench, [0, 1, 2])).number
    begin(bench, "mine", 1)
    begin(bench, "mine", 1)
    bench.score_only({"mine": 0.03}, [1], levels=[8])
    judge_plan(bench.lab, "study", number)
    study = bench.study
    empty = Facts(study, [], study.only(Conclusion), [], [], [], {}, [], {}, [], [])
    assert "1 training was stopped before there was an outcome (1 of mine)" in limitations(empty)


@pytest.mark.slow
@pytest.mark.child
def test_p_is_multiplied_for_trainings_that_were_stopped(bench: Bench) -> None:
    number = bench.entered(planned(bench, [0, 1, 2, 3])).number
    bench.score(range(4), {"mine": 0.03})
    _, before = judge_plan(bench.lab, "study", number)
    for _ in range(4):
        begin(bench, "mine", 1)
    _, after = judge_plan(bench.lab, "study", number)
    assert (before.stopped_times, after.stopped_times) == (1, 10)
    [claim], [same] = before.claims, after.claims
    assert claim.p_adjusted is not None and same.p_adjusted is not None
    assert same.p_adjusted == pytest.approx(10 * claim.p_adjusted)
    assert "because 3 trainings were stopped" in same.reason
    assert claim.verdict == "supported" and after.registered


@pytest.fixture
def store(bench: Bench) -> Iterator[JobStore]:
    with closing(JobStore(bench.settings.state)) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.child
def test_a_job_that_is_cancelled_while_it_trains_leaves_its_beginning_in_the_ledger(
    bench: Bench, store: JobStore
) -> None:
    path = bench.settings.sandboxes / "box" / "variants" / "mine.py"
    write_text(path, path.read_text("utf-8") + SLOWLY)
    plan = planned(bench, [5], grid={"K": [8]})
    number = bench.entered(plan).number
    job = run_plan(bench.lab, store, "study", number).started.job.job_id
    wait_for(lambda: any("/mine/" in place for place in bench.lab.book.begun), 300)
    store.cancel(job)
    wait_for(lambda: store.get(job).status == "cancelled", 60)
    assert stopped_trainings(bench.lab, plan).files["mine"] == 1
