"""Find the missing seeds of a comparison: without them, the remaining ones may be a selection.

The ledger lists every seed that was ever scored, for every file and set of parameters. A seed whose
record is gone, withdrawn or damaged can be run again and gives the same numbers. Light: no numpy.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.bench.collect import SandboxRecords, unresolved
from fumehood_tools.receipts.places import run_of
from fumehood_tools.receipts.trials import read_trial, trial_of
from fumehood_tools.records.labelling import Packaged, label_of, name_of
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.registry.metrics import Metric

_NAMED = 8
_SAYS_WHAT = {"control", "provenance", "file_sha256", "parameters"}


class Missing(NamedTuple):
    """The missing seeds of one variant: without a record, failed, or without the metric."""

    gone: set[int]
    failed: set[int]
    bare: set[int]

    def text(self) -> str:
        """Return a phrase on them; empty if nothing is missing."""
        parts = []
        if self.gone:
            parts.append(f"{_seeds(self.gone)} deleted or withdrawn: run them again")
        if self.failed:
            parts.append(f"{_seeds(self.failed)} failed: every seed must train")
        if self.bare:
            parts.append(f"{_seeds(self.bare)} without this metric: evaluate them as well")
        return ", and ".join(parts)


def missing_seeds(
    found: SandboxRecords,
    by_label: Mapping[str, Sequence[Score]],
    baseline: str,
    packaged: Packaged,
    sandbox: str,
    metric: Metric,
) -> dict[str, Missing]:
    """Return variant -> its seeds that are gone, failed, or lack the metric, if there are any."""
    gone = _gone(found, sandbox)
    failed = _failed(found, by_label, packaged)
    names = {label: name_of(scores[0], packaged) for label, scores in by_label.items()}
    missing: dict[str, set[int]] = defaultdict(set)
    for label, scores in by_label.items():
        seeds = gone.get((scores[0].variant, _word(scores[0])), set())
        missing[names[label]] |= seeds - {score.seed for score in scores}
    mine = [scores for label, scores in by_label.items() if names[label] == baseline]
    missing[baseline] = _gone_of_baseline(gone, mine)
    bare = _not_evaluated(by_label, names, metric)
    everything = {
        name: Missing(missing[name], failed.get(name, set()), bare.get(name, set()))
        for name in sorted(set(names.values()))
    }
    return {name: some for name, some in everything.items() if any(some)}


def scattered(seeds: Iterable[int]) -> list[int]:
    """Return the sorted seeds if they are not consecutive numbers; else an empty list."""
    row = sorted(set(seeds))
    return row if row and row[-1] - row[0] >= len(row) else []


def _gone(found: SandboxRecords, sandbox: str) -> dict[tuple[str, str], set[int]]:
    """Return (variant, trial) -> the seeds that were scored but no longer have a record."""
    gone: dict[tuple[str, str], set[int]] = defaultdict(set)
    for place, words in found.tried.items():
        variant, run = run_of(place)
        if f"{variant}/{run}" not in found.scores:
            for word in words:
                gone[variant, word].add(int(run.partition("-")[0].removeprefix("seed")))
    return gone


def _gone_of_baseline(
    gone: Mapping[tuple[str, str], set[int]], levels: Sequence[Sequence[Score]]
) -> set[int]:
    """Return the missing seeds of the baseline, at any level of sparsity."""
    if not levels:
        return set()
    first = levels[0][0]
    here = read_trial(_word(first))
    there = {score.seed for scores in levels for score in scores}
    return {
        seed
        for (variant, word), seeds in gone.items()
        if variant == first.variant
        and word
        and read_trial(word)._replace(parameters="") == here._replace(parameters="")
        for seed in seeds - there
    }


def _failed(
    found: SandboxRecords, by_label: Mapping[str, Sequence[Score]], packaged: Packaged
) -> dict[str, set[int]]:
    """Return variant -> seeds that failed at a level at which other seeds have a score."""
    failed: dict[str, set[int]] = defaultdict(set)
    for failure in unresolved(found, packaged):
        scores = by_label.get(label_of(failure, packaged), ())
        versions = {score.file_version for score in scores}
        scored = failure.seed in {score.seed for score in scores}
        if failure.control is None and failure.file_version in versions and not scored:
            failed[name_of(failure, packaged)].add(failure.seed)
    return failed


def _not_evaluated(
    by_label: Mapping[str, Sequence[Score]], names: Mapping[str, str], metric: Metric
) -> dict[str, set[int]]:
    """Return variant -> seeds without an evaluation of the metric, where other seeds have one.

    The ledger cannot be used here: it does not say which score a deleted evaluation was about.
    """
    if metric in SCORE.metrics:
        return {}
    bare: dict[str, set[int]] = defaultdict(set)
    for label, scores in by_label.items():
        without = {score.seed for score in scores if metric.key not in score.metrics}
        if len(without) < len({score.seed for score in scores}):
            bare[names[label]] |= without
    return bare


def _word(score: Score) -> str:
    return trial_of(score.model_dump(mode="json", include=_SAYS_WHAT))


def _seeds(seeds: set[int]) -> str:
    named = ", ".join(str(seed) for seed in sorted(seeds)[:_NAMED])
    more = ", …" if len(seeds) > _NAMED else ""
    return f"{len(seeds)} seed{'s' * (len(seeds) != 1)} ({named}{more})"
