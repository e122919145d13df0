"""The chance of a verdict behaves as it should, and agrees with simulated experiments."""

import math
import random
import statistics

import pytest
from scipy import stats

from fumehood_tools.studies.suggesting.chances import (
    Belief,
    Rule,
    chance_of_verdict,
    noise_of,
    rule_of_succession,
    student_point,
)

RULE = Rule(smallest=0.01, tests=1)


def test_more_seeds_and_larger_effects_and_fewer_tries_raise_the_chance() -> None:
    weak, strong = Belief(0.01, 0.02, 3, 0.02), Belief(0.04, 0.02, 3, 0.02)
    by_seeds = [chance_of_verdict(weak, seeds, RULE) for seeds in (4, 8, 20, 50)]
    assert by_seeds == sorted(by_seeds)
    assert chance_of_verdict(strong, 8, RULE) > chance_of_verdict(weak, 8, RULE)
    many = chance_of_verdict(strong, 6, Rule(0.01, 100))
    assert many < chance_of_verdict(strong, 6, RULE)


@pytest.mark.parametrize("seeds", [0, 1, 2])
def test_there_is_no_chance_with_fewer_seeds_than_a_verdict_needs(seeds: int) -> None:
    assert chance_of_verdict(Belief(1.0, 0.01, 3, 0.5), seeds, RULE) == 0.0


def test_a_difference_near_zero_is_likely_to_be_found_equal_with_many_seeds() -> None:
    assert chance_of_verdict(Belief(0.0, 0.005, 3, 0.005), 50, RULE) > 0.9
    assert chance_of_verdict(Belief(0.0, 0.5, 3, 0.005), 50, RULE) < 0.2


@pytest.mark.parametrize("belief", [Belief(0.02, 0.02, 4, 0.01), Belief(0.0, 0.02, 0, 0.02)])
def test_the_chance_agrees_with_simulated_experiments(belief: Belief) -> None:
    draw, seeds, decided, runs = random.Random(0), 10, 0, 3_000
    t = float(stats.t.ppf(0.975, seeds - 1))
    tried = 0
    while tried < runs:
        true = draw.gauss(0.0, belief.usual)
        seen = draw.gauss(true, belief.noise / math.sqrt(belief.seeds)) if belief.seeds else 0.0
        if abs(seen - belief.mean) > 0.002:
            continue  # not the measurement that this is about
        tried += 1
        mean = statistics.fmean(draw.gauss(true, belief.noise) for _ in range(seeds))
        error = belief.noise / math.sqrt(seeds)
        decided += abs(mean) > t * error or abs(mean) + t * error <= RULE.smallest
    assert chance_of_verdict(belief, seeds, RULE) == pytest.approx(decided / runs, abs=0.03)


def test_the_noise_is_read_off_an_interval() -> None:
    pairs = [0.01, 0.03, 0.02, 0.05]
    low, high = stats.ttest_1samp(pairs, 0.0).confidence_interval(0.95)
    assert noise_of(low, high, 4) == pytest.approx(statistics.stdev(pairs), rel=0.03)
    assert noise_of(0.0, 1.0, 1) is None


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 20, 200])
@pytest.mark.parametrize("level", [0.9, 0.975, 0.9975])
def test_points_of_students_distribution_are_right_within_five_percent(
    freedom: int, level: float
) -> None:
    exact = float(stats.t.ppf(level, freedom))
    assert student_point(level, freedom) == pytest.approx(exact, rel=0.05)


def test_a_test_that_was_never_made_takes_half_of_the_verdicts_away() -> None:
    assert rule_of_succession(0, 0) == 0.5
    assert rule_of_succession(1, 8) == 0.2
