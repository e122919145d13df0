"""Which seeds of a comparison are missing, so that what is left may be a choice. Light.

The ledger knows every seed that was ever scored, of every file with every set of parameters. A seed
whose record is gone, withdrawn or damaged can be run again: it gives the same numbers.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from fumehood_tools.bench.collect import SandboxRecords, unresolved
from fumehood_tools.receipts.places import run_of
from fumehood_tools.receipts.trials import read_trial, trial_of
from fumehood_tools.records.labelling import Packaged, label_of, name_of
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.registry.metrics import Metric

_NAMED = 8
_SAYS_WHAT = {"control", "provenance", "file_sha256", "parameters"}


def missing_seeds(
    found: SandboxRecords,
    by_label: Mapping[str, Sequence[Score]],
    baseline: str,
    packaged: Packaged,
    sandbox: str,
    metric: Metric,
) -> dict[str, str]:
    """Return variant -> which of its seeds are gone, failed or lack the metric, in words."""
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
    said = {
        name: _text(missing[name], failed.get(name, set()), bare.get(name, set()))
        for name in set(names.values())
    }
    return {name: text for name, text in said.items() if text}


def scattered(seeds: Iterable[int]) -> list[int]:
    """Return the seeds in order if they are not one row of numbers; else nothing."""
    row = sorted(set(seeds))
    return row if row and row[-1] - row[0] >= len(row) else []


def _gone(found: SandboxRecords, sandbox: str) -> dict[tuple[str, str], set[int]]:
    """Return (variant, what was tried) -> the seeds that were scored and have no record now."""
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
    """Return the seeds of the baseline that are gone, at whatever level they were."""
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
    """Return variant -> seeds that failed at a level at which others have a score."""
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
    """Return variant -> seeds that another kind of record did not measure, where it did others.

    The ledger does not say what an evaluation that is gone was about.
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


def _text(gone: set[int], failed: set[int], bare: set[int]) -> str:
    parts = []
    if gone:
        parts.append(f"{_seeds(gone)} deleted or withdrawn: run them again")
    if failed:
        parts.append(f"{_seeds(failed)} failed: every seed must train")
    if bare:
        parts.append(f"{_seeds(bare)} without this metric: evaluate them too")
    return ", and ".join(parts)


def _seeds(seeds: set[int]) -> str:
    named = ", ".join(str(seed) for seed in sorted(seeds)[:_NAMED])
    more = ", …" if len(seeds) > _NAMED else ""
    return f"{len(seeds)} seed{'s' * (len(seeds) != 1)} ({named}{more})"
