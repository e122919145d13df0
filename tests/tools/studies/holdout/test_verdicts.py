"""What is measured on the holdout becomes a coarse claim, which a hidden metric can contradict."""

from collections.abc import Sequence
from typing import Any

import pytest

from fumehood_tools.studies.entries import Plan
from fumehood_tools.studies.holdout.measuring import Measured
from fumehood_tools.studies.holdout.standing import Standing, standing_scores
from fumehood_tools.studies.holdout.verdicts import HELD_BACK, claims_elsewhere, claims_on_holdout

pytestmark = pytest.mark.child
Desk = Any


def standing(desk: Desk, plan: int) -> tuple[Plan, Standing]:
    """Return a plan and its scores."""
    lab = desk.lab
    entry, content = lab.studies.read("s").entry(plan, Plan)
    return content, standing_scores(lab, content, entry.receipt)


def measured(
    found: Standing, values: dict[str, Sequence[float]], worst: dict[str, Sequence[float]]
) -> list[Measured]:
    """Return what the scorer says on a holdout. values, worst: variant -> value of each seed."""
    result = []
    for one in found.all:
        metrics = {
            **one.score.metrics,
            "explained_variance": values[one.name][one.score.seed],
        }
        score = one.score.model_copy(update={"metrics": metrics})
        result.append(Measured(one, score, {HELD_BACK: worst[one.name][one.score.seed]}))
    return result


def test_a_gain_counts_only_if_the_metric_that_nobody_saw_does_not_contradict(
    desk: Desk,
) -> None:
    number = desk.plan(variants=("mine", "standard", "gated"))
    for name in ("topk", "mine", "standard", "gated"):
        desk.score(name)
    plan, found = standing(desk, number)
    assert not found.lacking and len(found.all) == 12
    values = {
        "topk": (0.5, 0.501, 0.499),
        "mine": (0.60012345, 0.602, 0.599),
        "standard": (0.6, 0.603, 0.601),
        "gated": (0.6, 0.603, 0.601),
    }
    worst = {
        "topk": (0.4, 0.401, 0.399),
        "mine": (0.41, 0.412, 0.408),
        "standard": (0.2, 0.203, 0.201),
        "gated": (0.41, 0.412, 0.408),
    }
    results = measured(found, values, worst)
    results[-1] = Measured(results[-1].planned, None, {}, "determinism")
    said = claims_on_holdout(plan, results, 9, {})
    mine, standard, gated = said.claims
    assert (mine.variant, mine.verdict) == ("mine", "supported")
    assert mine.effect == pytest.approx(0.1004, abs=1e-4) and mine.effect == round(mine.effect, 4)
    assert mine.seeds == [0, 1, 2] and len(mine.receipts) == 6
    assert standard.verdict == "inconclusive"
    assert "worse in the worst tenth of the holdout's passages" in standard.reason
    # A check of the evaluator that fails on the holdout leaves nothing to conclude.
    assert gated.verdict == "inconclusive" and "failed the check determinism" in gated.reason
    assert [one.compared for one in said.held_back][:2] == ["equal", "worse"]


@pytest.mark.slow
def test_what_is_not_supported_elsewhere_is_lost_on_transfer(desk: Desk) -> None:
    number = desk.plan(variants=("mine", "standard"))
    for name, values in {
        "topk": (0.5, 0.501, 0.499),
        "mine": (0.6, 0.601, 0.602),
        "standard": (0.51, 0.49, 0.5),
    }.items():
        for seed, value in enumerate(values):
            desk.score(name, (seed,), explained_variance=value)
    plan, found = standing(desk, number)
    kept, lost = claims_elsewhere(plan, found, {}, 1)
    assert kept.verdict == "supported" and kept.effect == pytest.approx(0.101)
    assert lost.verdict == "lost on transfer" and lost.effect == pytest.approx(0.0, abs=1e-9)
    assert "inconclusive there" in lost.reason or "refuted there" in lost.reason
