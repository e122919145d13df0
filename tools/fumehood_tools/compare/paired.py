"""Tests of paired differences without levels of sparsity. Runs in the child process."""

from fumehood_tools.compare.question import PairsAsked, PairsFound, PairTest
from fumehood_tools.compare.statistics import adjusted_by_direction, effect, p_value


def paired_tests(asked: PairsAsked) -> PairsFound:
    """Return mean, interval and p of each variant's differences, p corrected for all tries."""
    effects = {name: effect(pairs) for name, pairs in asked.pairs.items()}
    ps = {name: p for name, pairs in asked.pairs.items() if (p := p_value(pairs)) is not None}
    means = {name: found.mean for name, found in effects.items()}
    corrected = adjusted_by_direction(ps, means, asked.tries)
    tests = {
        name: PairTest(
            mean=found.mean,
            low=found.low,
            high=found.high,
            p=ps.get(name),
            p_adjusted=corrected.get(name),
        )
        for name, found in effects.items()
    }
    return PairsFound(tests=tests)
