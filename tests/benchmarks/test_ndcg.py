"""The measures of a ranking, against values worked out by hand and against sklearn."""

import random
from math import log2

import pytest
from ranking.ndcg import ndcg, paired_difference, precision_at_1
from sklearn.metrics import ndcg_score

JUDGED = {"exact": 2, "near": 1, "other": 1}


def test_the_best_order_scores_one_and_a_miss_scores_nothing() -> None:
    assert ndcg(["exact", "other", "near", "junk"], JUDGED) == 1.0
    assert ndcg(["junk", "rubbish"], JUDGED) == 0.0 == ndcg([], JUDGED)


def test_a_grade_of_two_is_worth_three_times_one_and_lower_ranks_are_discounted() -> None:
    # Found at ranks 2 and 3: 1/log2(3) + 3/log2(4). Best: 3/1 + 1/log2(3) + 1/log2(4).
    found = 0.6309297535714575 + 1.5
    best = 3 + 0.6309297535714575 + 0.5
    assert ndcg(["junk", "near", "exact"], JUDGED) == pytest.approx(found / best)


def test_what_stands_below_the_cut_counts_for_nothing() -> None:
    assert ndcg(["a", "b", "exact"], JUDGED, k=2) == 0.0
    # The best possible is cut too: with k = 1 it is one exact paper.
    assert ndcg(["exact"], JUDGED, k=1) == 1.0
    assert ndcg(["near"], JUDGED, k=1) == pytest.approx(1 / 3)
    tenth = [f"junk {rank}" for rank in range(9)] + ["exact"]
    assert ndcg(tenth, {"exact": 2}) == pytest.approx(1 / log2(11))
    assert ndcg(["junk", *tenth], {"exact": 2}) == 0.0


def test_random_rankings_agree_with_sklearn_given_exponential_gains() -> None:
    rng = random.Random(0)
    for _ in range(50):
        grades = {f"paper {number}": rng.choice([0, 0, 1, 2]) for number in range(30)} | {"p": 2}
        ranked = rng.sample(sorted(grades), len(grades))
        judged = {paper: grade for paper, grade in grades.items() if grade}
        gains = [[2 ** grades[paper] - 1 for paper in ranked]]
        places = [[-float(place) for place in range(len(ranked))]]
        assert ndcg(ranked, judged) == pytest.approx(ndcg_score(gains, places, k=10))


def test_a_paper_ranked_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="ranked twice"):
        ndcg(["exact", "exact"], JUDGED)


def test_the_first_place_is_right_for_either_grade() -> None:
    assert precision_at_1(["near", "junk"], JUDGED) == precision_at_1(["exact"], JUDGED) == 1.0
    assert precision_at_1(["junk", "exact"], JUDGED) == precision_at_1([], JUDGED) == 0.0


def test_a_steady_gain_is_real_and_a_mixed_one_is_not() -> None:
    steady = paired_difference([0.5, 0.7, 0.9, 0.6], [0.4, 0.6, 0.8, 0.5])
    assert steady == pytest.approx((0.1, 0.1, 0.1)) and steady.is_real
    mixed = paired_difference([1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.9])
    assert mixed.low < 0 < mixed.high and not mixed.is_real
    assert paired_difference([0.0] * 4, [0.2, 0.3, 0.2, 0.3]).is_real


def test_the_interval_is_that_of_the_mean_over_queries() -> None:
    # Two queries, 0 and 1: a resample's mean is 0, 1/2 or 1, with 1/4, 1/2 and 1/4 of the chance.
    assert paired_difference([0.0, 1.0], [0.0, 0.0]) == (0.5, 0.0, 1.0)
    assert paired_difference([0.0, 1.0], [0.0, 0.0], level=0.4) == (0.5, 0.5, 0.5)
    # Twenty-five halves and as many ones: mean 3/4, standard error 1/4 / sqrt(50).
    many = paired_difference([0.5, 1.0] * 25, [0.0] * 50)
    assert many.mean - many.low == pytest.approx(1.96 * 0.25 / 50**0.5, abs=0.01)
    assert many.high - many.mean == pytest.approx(1.96 * 0.25 / 50**0.5, abs=0.01)


def test_rankers_measured_on_different_queries_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired_difference([0.1, 0.2], [0.1])
