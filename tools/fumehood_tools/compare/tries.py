"""Count the variants tried in a workspace: p values are corrected for this number.

What has to be counted are the verdicts that could have been given, as the best of many looks good
by chance. A verdict is about one version of a file, in one setting, over all its levels of
sparsity. So the values of the constant that a file names as its KNOB are levels of one try, while
every set of values of its other constants is a try, as one of them can become the next version of
the file. Seeds are no tries. This holds for every version of every file, in any sandbox, scored or
failed, current or not. Packaged baselines and controls do not count.

Levels count one by one where they could be chosen from:
- A level that was deleted or withdrawn is a try of its own, as what remains may be a selection. The
  ledger lists it. Ledger lines of older versions do not say what was tried: if such a record is
  gone, each variant name counts as the largest number of runs that any of its seeds had.
- Levels with LEAST_SEEDS seeds that do not share so many are not tested together.
- Levels at the same L0 are not levels of sparsity, whatever the KNOB is called.
Not counted: levels with fewer seeds, which get no verdict (tries on the way to a target L0).

The same file in another setting is a try, too: the better of its two verdicts could be picked. What
a verdict asks for is only that the baseline is run in another setting, which is none.

Costs as much as reading all sandboxes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from fumehood_tools.bench.collect import SandboxRecords, Setting
from fumehood_tools.bench.controls import CONTROL_NAMES
from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.receipts.places import results_of, run_of
from fumehood_tools.receipts.trials import CONTROL, OWN, Trial, read_trial, trial_of
from fumehood_tools.records.levels import is_at
from fumehood_tools.records.parameters import Value
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.registry.sae_metrics import SPARSITY
from fumehood_tools.sandbox.variants import packaged_in

_Level = tuple[tuple[str, Value], ...]
"""All values with which a copy of a file ran, sorted by name."""


_SAYS_WHAT = {"control", "provenance", "file_sha256", "variant_sha256", "parameters"}
_LEAST_L0 = 1e-3
"""Replaces an L0 of 0, which has no logarithm."""


class _Verdict(NamedTuple):
    """What one verdict is about. settings is "" for a failed run, whose record does not say it."""

    variant: str
    file: str
    constants: _Level
    """Without the knob."""
    settings: str = ""


def count_tries(sandboxes: Path, shelf: Shelf, packaged: Mapping[str, str] | None) -> int:
    """Return the number of variants tried.

    packaged: name -> sha256 of what counts as baselines; None: for each sandbox those of its kind.
    Raises StorageFailed.
    """
    there = {results.parent.name for results in sandboxes.glob("*/results")}
    return sum(
        _tries(
            sandbox,
            shelf.collect(sandboxes / sandbox / "results"),
            packaged_in(sandboxes / sandbox) if packaged is None else packaged,
        )
        for sandbox in sorted(there | shelf.sandboxes())
    )


def count_tries_of(found: SandboxRecords, setting: Setting, packaged: Mapping[str, str]) -> int:
    """Return the tries that were made in one setting, without those that are gone or failed."""
    places = (place for place in found.scores if found.settings[place] == setting)
    scores = [found.scores[place] for place in places]
    return _verdicts(score for score in scores if _counts(score, packaged))


def _tries(sandbox: str, found: SandboxRecords, packaged: Mapping[str, str]) -> int:
    """Return the number of tries in one sandbox, without those of its own evaluation."""
    words = {place: own for place, said in found.tried.items() if (own := _without_own(said))}
    failed = {place: one for place, one in found.failures.items() if one.sealed_sha256 is None}
    records: dict[str, Score | Failure] = {**found.scores, **failed}
    here: set[tuple[str, Trial]] = set()
    for place, record in records.items():
        word = trial_of(record.model_dump(mode="json", include=_SAYS_WHAT))
        said = words.setdefault(f"{results_of(sandbox)}/{place}", set())
        said.discard("")
        if not said:  # a line of an older version, or no line after a crash
            said.add(word)
        if word != CONTROL:
            here.add((record.variant, read_trial(word)))
    tried = {
        (variant, trial)
        for place, said in words.items()
        for word in said - {"", CONTROL}
        for variant, trial in [(run_of(place)[0], read_trial(word))]
        if not trial.is_of(packaged.get(variant, ""))
    }
    lost = _without_failures_of_scored(tried | here) - here
    gone = [place for place, said in words.items() if "" in said]
    kept = [one for one in records.values() if _counts(one, packaged)]
    return _verdicts(kept) + len(lost) + _older(gone, packaged)


def _without_own(words: Iterable[str]) -> set[str]:
    """Return trial words without those of own evaluations, which `custom.tries` counts."""
    return {word for word in words if read_trial(word).settings != OWN}


def _counts(record: Score | Failure, packaged: Mapping[str, str]) -> bool:
    return record.control is None and record.file_version != packaged.get(record.variant)


def _verdicts(records: Iterable[Score | Failure]) -> int:
    """Return how many verdicts the records could give.

    A failed run counts only if nothing of the same file and constants was scored, in any setting.
    """
    every = list(records)
    levels: dict[_Verdict, dict[_Level, list[Score]]] = defaultdict(lambda: defaultdict(list))
    failed: set[_Verdict] = set()
    knobs = {(one.variant, one.file_version): one.knob for one in every if one.knob}
    for record in every:
        knob = knobs.get((record.variant, record.file_version))
        values = tuple(sorted(record.parameters.items()))
        constants = tuple(pair for pair in values if pair[0] != knob)
        about = _Verdict(record.variant, record.file_version, constants)
        if isinstance(record, Score):
            about = about._replace(settings=record.provenance.settings_digest)
            levels[about][values].append(record)
        else:
            failed.add(about)
    scored = {about._replace(settings="") for about in levels}
    return sum(_tested(list(some.values())) for some in levels.values()) + len(failed - scored)


def _tested(levels: Sequence[Sequence[Score]]) -> int:
    """Return how many verdicts could be given about the levels of one file: usually one."""
    enough = [level for level in levels if len({score.seed for score in level}) >= LEAST_SEEDS]
    if not enough:
        return 1
    shared = set.intersection(*({score.seed for score in level} for level in enough))
    if len(shared) < LEAST_SEEDS:
        return len(enough)
    l0s = [max(fmean(score.metrics[SPARSITY] for score in level), _LEAST_L0) for level in enough]
    return max(sum(is_at(l0, other) for other in l0s) for l0 in l0s)


def _without_failures_of_scored(tried: set[tuple[str, Trial]]) -> set[tuple[str, Trial]]:
    """Return the tries without failed runs of a trial that also has a score.

    The record of a failure does not name its setting, so it would otherwise count twice.
    """
    scored = {(name, trial._replace(settings="")) for name, trial in tried if trial.settings}
    return {one for one in tried if one[1].settings or one not in scored}


def _older(places: Iterable[str], packaged: Mapping[str, str]) -> int:
    """Return the number of tries behind lost receipts whose ledger lines do not name the trial."""
    runs: dict[str, Counter[str]] = defaultdict(Counter)
    for place in places:
        variant, run = run_of(place)
        if variant not in packaged and variant not in CONTROL_NAMES:
            runs[variant][run.partition("-")[0]] += 1
    return sum(max(seeds.values()) for seeds in runs.values())
