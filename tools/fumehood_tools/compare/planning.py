"""What a planned experiment can detect, from the noise of its baseline. Runs in the child process.

A difference is found if its corrected p is at most ALPHA and it exceeds the noise floor, as for a
verdict. The noise of a difference is taken to be that of two independent SAEs, the baseline's
standard deviation over seeds times the root of 2, pooled over its levels. Seeds that are paired
often differ by less, and the mean over several levels too, so this is cautious.
"""

import math
from collections import defaultdict

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.compare.question import PowerAsked, PowerFound
from fumehood_tools.compare.statistics import (
    detectable,
    noise_floor,
    seed_spread,
    seeds_above_noise,
    seeds_needed,
)
from fumehood_tools.records.seed_lists import MOST_SEEDS

USUAL_SEEDS = 5
"""Advised where the smallest effect would take more seeds than a run may have."""


def planned_power(asked: PowerAsked) -> PowerFound:
    """Return the noise, the detectable difference and the seeds that a plan needs."""
    by_label: dict[str, list[float]] = defaultdict(list)
    for point in asked.points:
        if asked.metric.key in point.values:
            by_label[point.label].append(point.values[asked.metric.key])
    spread = seed_spread(by_label)
    if spread is None:
        return PowerFound(noise=None, seeds=asked.seeds or LEAST_SEEDS)
    noise = math.sqrt(2) * spread[0]
    ways = [seeds_needed(asked.smallest_effect, noise, asked.tries)]
    ways.append(seeds_above_noise(asked.smallest_effect, *spread))
    found = [seeds for seeds in ways if seeds is not None]
    needed = max(found) if len(found) == len(ways) else None
    possible = needed is not None and needed <= MOST_SEEDS
    seeds = asked.seeds or (needed if needed and possible else USUAL_SEEDS)
    least = max(detectable(noise, seeds, asked.tries), noise_floor(*spread, seeds))
    return PowerFound(
        noise=noise,
        seeds=seeds,
        freedom=spread[1],
        detectable=least if math.isfinite(least) else None,
        seeds_needed=needed,
    )
