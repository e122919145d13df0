"""Gains that may have another cause: a learning rate, constants, or the L0 of other rows."""

from typing import Any

import pytest

from fumehood_tools.compare.report import Compared

pytestmark = pytest.mark.child

# Of five seeds.
NOISE = (0.0, 0.001, -0.001, 0.0005, -0.0005)
WORK = {
    "processor_seconds": 2.0,
    "reference": "topk",
    "reference_seconds": 1.0,
    "steps": 195,
    "source_bytes": 500,
    "constants_bytes": 0,
    "trained_here": True,
}


def checked(l0_loss: float, l0_probing: float) -> dict[str, Any]:
    return {
        "decoder": "linear",
        "decoder_residual": 0.0,
        "repeat_difference": 0.0,
        "batch_dependence": 0.0,
        "parameters": 1,
        "parameter_ratio": 1.0,
        "l0_loss": l0_loss,
        "l0_probing": l0_probing,
    }


def measured(l0: float, **metrics: float) -> dict[str, float]:
    return {"explained_variance": 0.7, "mse": 1.0, "alive": 0.9, "l0": l0, **metrics}


@pytest.fixture
def two(box: Any) -> Any:
    """The packaged topk and a file to judge."""
    box.file("topk", packaged=True)
    box.file("mine")
    return box


def mine(box: Any, **asked: Any) -> Compared:
    [row] = box.compare(**asked).rows
    assert isinstance(row, Compared)
    return row


def test_a_gain_of_a_file_that_names_a_rate_has_to_be_shown_at_twice_the_rate(two: Any) -> None:
    two.levels("topk", NOISE, work=WORK)
    two.levels("mine", [0.03 + noise / 2 for noise in NOISE], work={**WORK, "sets_rate": True})
    row = mine(two)
    assert row.verdict == "undecided", row
    assert "names a learning rate or an optimizer" in row.reason
    assert "beat topk trained with lr 0.004" in row.reason


def test_a_gain_in_probing_of_a_file_with_many_constants_is_held_back(two: Any) -> None:
    for seed, noise in enumerate(NOISE):
        two.score("topk", seed, metrics=measured(32, probing_top1=0.65 + noise), work=WORK)
        metrics = measured(32, probing_top1=0.75 + noise / 2)
        two.score("mine", seed, metrics=metrics, work={**WORK, "constants_bytes": 200})
    assert mine(two).verdict == "equal"  # in explained variance
    row = mine(two, metric="probing_top1")
    assert row.verdict == "undecided" and "200 bytes of constants" in row.reason, row


@pytest.mark.parametrize("metric", ["loss_recovered", "probing_top1"])
def test_metrics_are_compared_at_the_l0_of_the_rows_they_are_measured_on(
    two: Any, metric: str
) -> None:
    # The baseline gains .1 when L0 doubles; the variant is that baseline, with twice the latents
    # on the rows of this metric and half of them elsewhere.
    for seed, noise in enumerate(NOISE):
        for l0, value in ((16, 0.5), (32, 0.6), (64, 0.7), (128, 0.8)):
            parts = {"integrity": checked(l0, l0), "parameters": {"K": l0}, "work": WORK}
            two.score("topk", seed, metrics=measured(l0, **{metric: value + noise}), **parts)
        metrics = measured(32, **{metric: 0.7 + noise})
        two.score("mine", seed, metrics=metrics, integrity=checked(64, 64), work=WORK)
    row = mine(two, metric=metric)
    assert row.verdict == "equal" and row.levels[0].l0 == pytest.approx(64), row
