"""Draw the seeds of plans and re-tests: at random, among those that are fresh in the workspace.

Seeds that can be foretold, such as the lowest fresh ones, could be scouted in another workspace, or
in runs that are stopped before they get a score, until those come up that are known to be lucky. So
they are drawn when the entry is written, and are in the ledger before the first run. Light.
"""

import random
from collections.abc import Set

from fumehood_tools.jobs import JobStore
from fumehood_tools.runs.controls import SEED_STEPS
from fumehood_tools.runs.start import asked_seeds
from fumehood_tools.studies.entries import HoldoutAnswer, Plan
from fumehood_tools.studies.lab import Lab

RANGE = 1_000_000
"""Seeds are below it: six digits can be read, and a file may compute with them (seed * 1000)."""
_FREE = 10
_APART = sorted({0, *SEED_STEPS.values()})


def taken_seeds(lab: Lab, jobs: JobStore | None = None) -> set[int]:
    """Return the seeds that are not fresh: run with anything, planned, or drawn for a re-test.

    jobs: whose runs' seeds are not fresh either, as the logs of stopped ones may have been read. It
    is not enough that the very files of a plan were not run with a seed: a copy of a file, or
    another setting, tells much of what the seed will give.
    """
    taken = lab.used_seeds() | (asked_seeds(jobs) if jobs else set())
    for study in lab.all_studies():
        for _, plan in study.only(Plan):
            taken.update(plan.seeds)
        for _, answer in study.only(HoldoutAnswer):
            taken.update(answer.seeds)
    return taken


def drawn_seeds(taken: Set[int], count: int, draw: random.Random) -> list[int]:
    """Return fresh seeds in ascending order, each as likely as any other.

    If more than a tenth of the range is taken, the range is larger: so whoever uses up seeds cannot
    leave only those that he likes. Controls add a number to a seed; no sum is another seed.
    """
    below, found = RANGE, set[int]()
    while len(taken) * _FREE > below:
        below *= _FREE
    while len(found) < count:
        seed = draw.randrange(below)
        near = {seed + sign * step for step in _APART for sign in (1, -1)}
        if not near & taken and not near & found:
            found.add(seed)
    return sorted(found)
