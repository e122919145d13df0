"""The progress of a run, and the estimates of how long it takes."""

from pathlib import Path

import pytest

from fumehood_tools.jobs import Progress
from fumehood_tools.runs.pace import Expected, expected, remember
from fumehood_tools.runs.progress import RunProgress
from fumehood_tools.spec import CorpusSpec, SandboxSpec, SubjectSpec

EXPECTED = Expected(activations=60, probing=120, start=10, sae=20)


class Told:
    """A run with a clock that the test sets."""

    def __init__(self, saes: int) -> None:
        self.now = 0.0
        self.reports: list[Progress] = []
        self.run = RunProgress(self.reports.append, EXPECTED, saes, lambda: self.now)

    def harvest(self, phase: str, done: float, total: float, eta: float | None = None) -> Progress:
        self.run.harvest(
            Progress(done=done, total=total, phase=phase, message="so far", eta_seconds=eta)
        )
        return self.reports[-1]

    def saes(self, ended: int, total: int, begun: float = 0.0, more: bool = False) -> Progress:
        self.run.saes(ended, total, begun, ["training topk seed 0"], more)
        return self.reports[-1]


def left(report: Progress) -> float:
    assert report.eta_seconds is not None
    return report.eta_seconds


def test_from_the_first_second_the_time_left_is_that_of_the_whole_job() -> None:
    told = Told(saes=12)
    first = told.harvest("loading", 0, 0)
    assert left(first) == 60 + 120 + 10 + 12 * 20
    assert (
        first.phase == "phase 1 of 3, activations:" and "0 of about 12 SAEs done" in first.message
    )
    told.now = 30.0
    half = told.harvest("activations", 50, 100, eta=30.0)
    assert left(half) == 30 + 120 + 10 + 240 and half.done == pytest.approx(30 / 430, abs=1e-3)


def test_a_harvest_of_probing_texts_that_is_done_does_not_look_like_the_job() -> None:
    told = Told(saes=12)
    told.now = 180.0
    done = told.harvest("probing", 100, 100, eta=0.0)
    assert done.phase == "phase 2 of 3, probing texts:"
    assert left(done) == 250 and done.done < 0.45 and done.total == 1.0


def test_the_estimate_turns_to_what_this_run_takes() -> None:
    told = Told(saes=12)
    told.run.start_training(12)
    assert left(told.reports[-1]) == 10 + 12 * 20
    assert left(told.saes(0, 12)) == 12 * 20
    told.now = 40 * 6.0
    slow = told.saes(6, 12)
    assert 6 * 36 < left(slow) < 6 * 40, "six took 40 s each, where 20 were expected"
    assert slow.message.startswith("6 of 12 SAEs done; training topk seed 0")
    assert slow.phase == "phase 3 of 3, train and score:"
    assert told.run.seconds_per_sae == 40


def test_the_total_does_not_move_with_every_step_of_a_search() -> None:
    told = Told(saes=12)
    told.run.start_training(3, more=True)
    assert "0 of about 12 SAEs done" in told.reports[-1].message
    told.now = 60.0
    said = [told.saes(ended, total, more=True) for ended, total in ((1, 4), (2, 6), (4, 11))]
    assert all(" of about 12 SAEs done" in report.message for report in said)
    assert left(said[-1]) == 8 * 20 / 5, "the time left counts what searches will add"
    assert "11 of about 14 SAEs done" in told.saes(11, 14, more=True).message
    assert "11 of 13 SAEs done" in told.saes(11, 13).message


def test_the_share_never_falls_and_ends_at_the_end() -> None:
    told = Told(saes=2)
    told.run.start_training(2)
    told.now = 40.0
    told.saes(1, 2)
    told.saes(1, 9)
    assert told.reports[-1].done == told.reports[-2].done
    told.now = 200.0
    assert told.saes(9, 9).done == 1.0 and left(told.reports[-1]) == 0


def sandbox(train_tokens: int = 200_000, tasks: tuple[str, ...] = ("ag_news",)) -> SandboxSpec:
    spec = SandboxSpec(
        subject=SubjectSpec(name="synthetic"), corpus=CorpusSpec(train_tokens=train_tokens)
    )
    return spec.model_copy(
        update={"scoring": spec.scoring.model_copy(update={"probing_tasks": tasks})}
    )


def test_what_a_run_took_is_the_estimate_of_the_next_of_its_kind(tmp_path: Path) -> None:
    before = expected(sandbox(), tmp_path)
    assert before.activations > 0 and before.probing > 0 and before.sae > 0
    remember(sandbox(), tmp_path, harvest=33.0)
    remember(sandbox(), tmp_path, sae=50.0)
    after = expected(sandbox(), tmp_path)
    assert (after.activations, after.probing, after.sae) == (0.0, 0.0, 50.0)
    assert after.whole(3) == after.start + 150
    longer = expected(sandbox(400_000), tmp_path)
    assert longer.sae == 100.0 and longer.activations > 0


def test_a_damaged_file_costs_only_the_estimate(tmp_path: Path) -> None:
    (tmp_path / "pace.json").write_text("{", encoding="utf-8")
    assert expected(sandbox(tasks=()), tmp_path).probing == 0
    remember(sandbox(), tmp_path, sae=5.0)
    assert expected(sandbox(), tmp_path).sae == 5.0
