"""The scores that belong to a plan, as data; matching.py finds them. Light."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fumehood_tools.bench.collect import SandboxRecords, Setting
from fumehood_tools.records.seed_lists import short_seeds

MOST_SHOWN = 3
"""Levels and causes of failures of a file that are named."""
_MESSAGE = 300


class PlannedScores(NamedTuple):
    """The scores of a plan.

    places: file's name -> places of its scores, relative to results/. lacking: file's name -> what
    is missing of it, in words. to_run: whether seeds are missing that did not fail. early: scores
    that were written before the plan, in words. again: scores of own files that are not the first
    outcome of their run, in words. records: those of the sandbox without the scores of
    these files that the plan did not name.
    setting: None if nothing was scored in the planned setting.
    """

    setting: Setting | None
    places: dict[str, list[str]]
    lacking: dict[str, str]
    to_run: bool
    early: list[str]
    again: list[str]
    records: SandboxRecords


def failed_in_words(failed: Mapping[int, str]) -> list[str]:
    """Return seed -> message in words, with the seeds of one message together."""
    seeds = defaultdict[str, list[int]](list)
    for seed in sorted(failed):
        seeds[failed[seed][:_MESSAGE].rstrip(".")].append(seed)
    causes = list(seeds.items())[:MOST_SHOWN]
    return [f"{seeds_in_words(some)} failed: {message}" for message, some in causes]


def seeds_in_words(seeds: Iterable[int]) -> str:
    """Return seeds as in "seeds 0-2, 5"."""
    numbers = [str(one) for one in short_seeds(seeds)]
    return f"seed{'s' * (len(numbers) > 1 or '-' in numbers[0])} {', '.join(numbers)}"
