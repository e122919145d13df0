"""Blanks and spikes, judged from synthetic records; nothing was trained."""

from typing import Any

import pytest

from fumehood_tools.bench.controls import ControlReport, judge_controls, label, read_label
from fumehood_tools.records.scores import Failure, Score

EV = {0: 0.7353, 1: 0.7365, 2: 0.7351, 1000: 0.7359, 1001: 0.7344, 1002: 0.7356}


def score(seed: int, control: str | None = None, gain: float = 0.0, l0: float = 32.0) -> Score:
    explained = min(1.0, EV[seed] + gain)
    values: dict[str, Any] = {"l0": l0, "explained_variance": explained, "alive": 0.93}
    record: dict[str, Any] = {"variant": "x", "seed": seed, "control": control}
    return Score.model_construct(**record, metrics=values)


def failure(control: str | None) -> Failure:
    record: dict[str, Any] = {"control": control, "message": "decoder_nonlinear: 40 %."}
    return Failure.model_construct(**record)


TWIN = {"topk": [score(seed) for seed in (0, 1, 2)]}
BLANKS = [score(seed, "blank of topk") for seed in (1000, 1001, 1002)]
WEAK_SPIKE = [score(seed, "spike of topk") for seed in (0, 1, 2)]


def judged(controls: list[Score], *failures: Failure) -> ControlReport:
    report = judge_controls(controls, failures, TWIN, "box")
    assert report is not None
    return report


def test_a_bench_that_tells_blanks_and_spikes_apart_passes() -> None:
    report = judged(BLANKS + WEAK_SPIKE)
    assert report.ok is True, report.text()
    assert [found.control for found in report.controls] == ["blank", "spike"]
    assert "worth no more than topk" in report.text() and "within the seed noise" in report.text()


def test_a_refused_spike_passes_and_its_refusal_is_shown() -> None:
    report = judged(BLANKS, failure("spike of topk"))
    assert report.ok is True
    assert "refused: decoder_nonlinear" in report.text()


@pytest.mark.parametrize(
    "controls",
    [
        [score(seed, "spike of topk", gain=0.3) for seed in (0, 1, 2)],
        [score(0, "spike of topk", gain=0.3)],
        [score(seed, "spike of topk", gain=0.01) for seed in (0, 1, 2)],
        [score(seed, "spike of topk", l0=1.0) for seed in (0, 1, 2)],
        [score(seed, "blank of topk", gain=0.02) for seed in (1000, 1001, 1002)],
        [score(seed, "blank_parameter of topk", gain=-0.02) for seed in (1000, 1001, 1002)],
    ],
)
def test_a_bench_that_a_control_fools_is_not_to_be_trusted(controls: list[Score]) -> None:
    report = judged(controls)
    assert report.ok is False
    assert "do not trust this table" in report.text()


def test_a_refused_blank_is_a_failure_of_the_bench() -> None:
    assert judged(WEAK_SPIKE, failure("blank of topk")).ok is False


def test_one_seed_of_the_twin_cannot_judge_a_blank() -> None:
    report = judge_controls(BLANKS, [], {"topk": TWIN["topk"][:1]}, "box")
    assert report is not None and report.ok is None
    assert "needs 2 seeds" in report.text()
    call = "Next: run_variants(sandbox='box', variants=['topk'], seeds=[0, 1, 2]"
    assert f"{call})" in report.text()
    faster = {"lr": 0.004}
    report = judge_controls(BLANKS, [], {"topk": TWIN["topk"][:1]}, "box", faster)
    assert report is not None and f"{call}, training={faster})" in report.text()
    assert "Next" not in judged(BLANKS + WEAK_SPIKE).text()
    for twin in ({}, {"topk": [score(1000)]}):
        missing = judge_controls(WEAK_SPIKE, [], twin, "box")
        assert missing is not None and missing.ok is None


def test_records_without_a_control_are_passed_over() -> None:
    assert judge_controls(TWIN["topk"], [failure(None)], TWIN, "box") is None
    assert read_label(label("blank_parameter", "batch_topk")) == ("blank_parameter", "batch_topk")
    assert read_label("blank") is None and read_label("prize of topk") is None
