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
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fumehood_tools.bench.collect import SandboxRecords, Setting
from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.records.labelling import Packaged, name_of
from fumehood_tools.records.scores import Score

_UNKNOWN = -1
"""Before everything: nothing could be known when the run was asked for."""


class _Seed(NamedTuple):
    """When a seed was asked for and when its first score was written, in the ledger's order."""

    asked: int
    written: int


def times_for(look: int) -> int:
    """Return the number by which p is multiplied at a look, from 1: 1, 3, 6, 10, …"""
    return look * (look + 1) // 2


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
    sides = {name: _seeds(found, some) for name, some in written.items()}
    known = {name for name, some in written.items() if found.asked.keys() & some.keys()}
    theirs = sides.get(baseline, {})
    pairs = {
        name: [_pair(seed, theirs[at]) for at, seed in ours.items() if at in theirs]
        for name, ours in sides.items()
        if name != baseline and {name, baseline} & known
    }
    return {name: _looks(some) for name, some in pairs.items() if some}


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


def _seeds(found: SandboxRecords, scores: Mapping[str, Score]) -> dict[int, _Seed]:
    """Return when each seed was requested and when its score was written.

    The scores are those of one file in one setting.
    """
    written: dict[int, int] = {}
    for place, score in scores.items():
        at = found.order[place]
        written[score.seed] = min(at, written.get(score.seed, at))
    first = next(iter(scores.values()))
    there = written.keys() | {
        failure.seed
        for failure in found.failures.values()
        if failure.control is None and failure.file_version == first.file_version
    }
    asked: dict[int, int] = dict.fromkeys(written, max(written.values()) + 1)
    for place, score in scores.items():
        if score.asked is None:
            asked[score.seed] = _UNKNOWN
            continue
        at, wanted = found.asked[place], set(score.asked.seeds)
        if wanted <= there:
            asked |= {seed: min(at, asked[seed]) for seed in wanted & written.keys()}
        else:
            begun = sorted(wanted & written.keys(), key=lambda seed: written[seed])
            in_time = score.seed in begun[:LEAST_SEEDS]
            known_at = at if in_time else max(at, written[score.seed] - 1)
            asked[score.seed] = min(asked[score.seed], known_at)
    return {seed: _Seed(asked[seed], at) for seed, at in written.items()}
