"""Count how often a comparison was looked at while seeds were added, and correct p for it.

Whoever adds seeds until a variant wins has tested more than once. So seeds that were asked for
after others had been scored are another look:

- A seed of both sides is a pair. It was asked for when the later of its two runs was requested,
  and is there when the later of its two scores was written. The order of the ledger decides, never
  a time.
- The first look has all pairs that were asked for before the first of them was there. So one call
  is one look, and so are calls that were queued together.
- A pair that was asked for when a pair of the current look was there begins the next look.
- A run that was cut short may have been stopped because of what it had found. So if not all of its
  seeds were scored (or failed), each of its seeds after the third counts as asked for when it was
  written. Once a later run has scored the missing ones, this does not apply any more.
- Scores of older versions do not say when they were asked for. They count as the first look.

Method: alpha spending with fixed shares (a union bound, as in Bonferroni's correction; for spending
in general see Jennison and Turnbull, Group Sequential Methods, 1999, chapter 7). At the k-th look p
is multiplied by k(k+1)/2, so the first look costs nothing. The shares add up to
1 + 1/3 + 1/6 + ... = 2, and a gain takes only one half of a two-sided p. Therefore a variant that
is not better than its baseline is ever called better with a probability of at most ALPHA (0.05),
however often seeds are added, and called worse by chance with the same. For `equal`, each of the
two one-sided tests has ALPHA / 2 divided by the same number. Measured by benchmarks/studies.py.

Light: reads records.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.bench.collect import SandboxRecords, Setting
from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.records.labelling import Packaged, name_of
from fumehood_tools.records.scores import Score

_UNKNOWN = -1
"""Before everything: nothing could be known when the run was asked for."""


class SeedRun(NamedTuple):
    """One score of a file, with positions in the ledger's order.

    written: of its receipt. asked: of the newest receipt when its run was asked for, None if it is
    not known. wanted: all seeds of that run.
    """

    seed: int
    written: int
    asked: int | None
    wanted: frozenset[int] = frozenset()


class Side(NamedTuple):
    """One side of a comparison: the scores of one file, and the seeds at which it failed."""

    runs: Sequence[SeedRun]
    failed: frozenset[int] = frozenset()


class _Seed(NamedTuple):
    """When a seed was asked for and when its first score was written, in the ledger's order."""

    asked: int
    written: int


def times_for(look: int) -> int:
    """Return the number by which p is multiplied at a look, from 1: 1, 3, 6, 10, …"""
    return look * (look + 1) // 2


def why_times(look: int) -> str:
    """Return what a row says about a look after the first."""
    return (
        f"seeds were added after others had been scored, so this is look {look} at it: its p is "
        f"multiplied by {times_for(look)}"
    )


def look_of(ours: Side, theirs: Side) -> int | None:
    """Return which look a comparison of two files is, from 1.

    None if no score of either says when it was asked for, or if they have no seed in common.
    """
    if all(run.asked is None for side in (ours, theirs) for run in side.runs):
        return None
    mine, others = _seeds(ours), _seeds(theirs)
    return _looks(_pair(mine[seed], others[seed]) for seed in mine.keys() & others.keys()) or None


def count_looks(
    found: SandboxRecords, setting: Setting, scores: Iterable[Score], baseline: str, kinds: Packaged
) -> dict[str, int]:
    """Return variant -> which look its comparison with the baseline is, from 1.

    scores: those that are compared. Variants whose scores do not say when they were asked for, and
    those without a seed in common with the baseline, are absent.
    """
    files = {name_of(score, kinds): score.file_version for score in scores}
    written: dict[str, dict[str, Score]] = defaultdict(dict)
    for place, score in found.scores.items():
        name = name_of(score, kinds)
        if score.control is not None or found.settings[place] != setting:
            continue
        if files.get(name) == score.file_version:
            written[name][place] = score
    sides = {name: _side(found, some) for name, some in written.items()}
    theirs = sides.pop(baseline, Side([]))
    looks = {name: look_of(ours, theirs) for name, ours in sides.items()}
    return {name: look for name, look in looks.items() if look is not None}


def _side(found: SandboxRecords, scores: Mapping[str, Score]) -> Side:
    """Return the side of one file in one setting. scores: by place, at least one."""
    version = next(iter(scores.values())).file_version
    runs = [
        SeedRun(
            seed=score.seed,
            written=found.order[place],
            asked=None if score.asked is None else found.asked[place],
            wanted=frozenset(score.asked.seeds if score.asked else ()),
        )
        for place, score in scores.items()
    ]
    failed = frozenset(
        failure.seed
        for failure in found.failures.values()
        if failure.control is None and failure.file_version == version
    )
    return Side(runs, failed)


def _pair(ours: _Seed, theirs: _Seed) -> _Seed:
    return _Seed(max(ours.asked, theirs.asked), max(ours.written, theirs.written))


def _looks(pairs: Iterable[_Seed]) -> int:
    """Return the number of looks that the pairs were collected in."""
    looks, first = 0, _UNKNOWN
    for pair in sorted(pairs):
        if looks and pair.asked < first:
            first = min(first, pair.written)
        else:
            looks, first = looks + 1, pair.written
    return looks


def _seeds(side: Side) -> dict[int, _Seed]:
    """Return when each seed was requested and when its score was written."""
    written: dict[int, int] = {}
    for run in side.runs:
        written[run.seed] = min(run.written, written.get(run.seed, run.written))
    there = written.keys() | side.failed
    asked: dict[int, int] = dict.fromkeys(written, max(written.values(), default=0) + 1)
    for run in side.runs:
        if run.asked is None:
            asked[run.seed] = _UNKNOWN
        elif run.wanted <= there:
            in_run = run.wanted & written.keys()
            asked |= {seed: min(run.asked, asked[seed]) for seed in in_run}
        else:
            begun = sorted(run.wanted & written.keys(), key=lambda seed: written[seed])
            in_time = run.seed in begun[:LEAST_SEEDS]
            known_at = run.asked if in_time else max(run.asked, written[run.seed] - 1)
            asked[run.seed] = min(asked[run.seed], known_at)
    return {seed: _Seed(asked[seed], at) for seed, at in written.items()}
