"""Seeds of a variant that share a fixed start or order are one draw, which may be a lucky one."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from fumehood_tools.compare.judge import Judge
from fumehood_tools.compare.question import Question, ScoredSae
from fumehood_tools.compare.report import Compared
from fumehood_tools.registry.lookup import metric_named, metrics_beside
from fumehood_tools.registry.sae_metrics import QUALITY

SPREAD = 0.0027
"""Of topk's seeds at an L0 of 8 on the synthetic subject, as measured."""


def points(name: str, values: Sequence[float]) -> list[ScoredSae]:
    return [
        ScoredSae(
            variant=name,
            label=name,
            kind="baseline" if name == "topk" else "custom",
            seed=seed,
            l0=8.0,
            values={QUALITY: 0.858 + value},
            seconds=1.0,
        )
        for seed, value in enumerate(values)
    ]


def judged(ours: Sequence[float], theirs: Sequence[float]) -> Compared:
    question = Question(
        sandbox="box",
        setting="12345678",
        metric=metric_named(QUALITY),
        beside=metrics_beside(),
        baseline="topk",
        variants=None,
        tries=1,
        points=[*points("topk", theirs), *points("mine", ours)],
        changes={},
        warnings=[],
        left_out=[],
    )
    [row] = Judge(question).answer().rows
    return row


def seeds(count: int, number: int, spread: float = SPREAD) -> list[float]:
    """Return one value per seed, with exactly this spread around 0."""
    drawn = np.random.default_rng(number).normal(size=count)
    values = spread * (drawn - drawn.mean()) / drawn.std(ddof=1)
    return [float(value) for value in values]


@pytest.mark.parametrize("own", [0.0, 1e-6, SPREAD / 3])
def test_a_lucky_start_that_all_seeds_share_is_not_better(own: float) -> None:
    lucky = [2 * SPREAD + value for value in seeds(12, 1, own)]
    row = judged(lucky, seeds(12, 0))
    assert row.verdict == "undecided" and "tested as one draw" in row.reason
    assert row.p is not None and row.p > 0.05 and row.seeds_needed is None
    assert row.effect and row.effect.low is not None and row.effect.low < 0
    assert judged([2 * SPREAD + value for value in seeds(12, 1)], seeds(12, 0)).verdict == "better"


def test_a_shared_start_can_be_neither_equal_nor_worse_by_chance() -> None:
    assert judged([0.0] * 12, seeds(12, 0)).verdict == "undecided"
    assert judged([-2 * SPREAD] * 12, seeds(12, 0)).verdict == "undecided"
    assert judged(seeds(12, 1), seeds(12, 0)).verdict == "equal"


def test_a_gain_that_no_start_explains_is_better_even_if_seeds_hardly_differ() -> None:
    row = judged([6 * SPREAD] * 5, seeds(5, 0))
    assert row.verdict == "better" and "tested as one draw" in row.reason


def test_seeds_that_differ_like_those_of_the_baseline_are_taken_for_independent() -> None:
    rows = [judged(seeds(8, n, SPREAD * s), seeds(8, 99)) for n, s in enumerate((0.7, 1, 2))]
    assert not [row for row in rows if "one draw" in row.reason]


def test_of_lucky_blanks_hardly_any_is_called_better() -> None:
    draw = np.random.default_rng(5)
    found = []
    for _ in range(200):
        theirs = SPREAD * draw.normal(size=20)
        one = SPREAD * draw.normal()
        found.append(judged([one] * 20, [float(value) for value in theirs]).verdict)
    assert found.count("better") <= 200 * (0.025 + 3 * math.sqrt(0.025 * 0.975 / 200))
