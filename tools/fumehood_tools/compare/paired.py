"""Tests of paired differences without levels of sparsity. Runs in the child process."""

import statistics

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.compare.question import PairsAsked, PairsFound, PairTest
from fumehood_tools.compare.report import ALPHA
from fumehood_tools.compare.statistics import (
    adjusted_by_direction,
    effect,
    is_within,
    p_value,
    seeds_for_equal,
    seeds_needed,
)


def paired_tests(asked: PairsAsked) -> PairsFound:
    """Return mean, interval and p of each variant's differences; p is also corrected."""
    effects = {name: effect(pairs) for name, pairs in asked.pairs.items()}
    ps = {name: p for name, pairs in asked.pairs.items() if (p := p_value(pairs)) is not None}
    means = {name: found.mean for name, found in effects.items()}
    looked = {name: min(1.0, p * asked.times.get(name, 1)) for name, p in ps.items()}
    corrected = adjusted_by_direction(looked, means, asked.tries)
    tests = {
        name: PairTest(
            mean=found.mean,
            low=found.low,
            high=found.high,
            p=ps.get(name),
            p_adjusted=corrected.get(name),
            is_small=is_within(
                asked.pairs[name], asked.margin, ALPHA / 2 / asked.times.get(name, 1)
            ),
            seeds_needed=_needed(asked, name),
        )
        for name, found in effects.items()
    }
    return PairsFound(tests=tests)


def _needed(asked: PairsAsked, name: str) -> int | None:
    pairs = asked.pairs[name]
    if len(pairs) < LEAST_SEEDS:
        return LEAST_SEEDS
    mean, spread = statistics.fmean(pairs), statistics.stdev(pairs)
    times = asked.tries * asked.times_ahead.get(name, 1)
    # A difference below the margin is no verdict, however certain it is.
    ways = [seeds_needed(mean, spread, times)] if abs(mean) >= asked.margin and mean else []
    ways.append(seeds_for_equal(mean, spread, asked.margin))
    needed = min((seeds for seeds in ways if seeds is not None), default=None)
    return None if needed is None else max(needed, len(pairs) + 1)
