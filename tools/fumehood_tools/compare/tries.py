"""Count the variants tried in a workspace: p values are corrected for this number.

Every version of every file counts once for each set of parameters and each setting in which it ran,
regardless of seeds: scored or failed, current or not, in any sandbox. A level that was only run on
the way to a target L0 is a try as well. Packaged baselines and controls do not count.
Deleted, withdrawn and replaced records still count, because the ledger lists them. Ledger lines of
older versions do not say what was tried. If such a record is gone, each variant name counts as the
largest number of runs that any of its seeds had. Costs as much as reading all sandboxes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from fumehood_tools.bench.collect import SandboxRecords
from fumehood_tools.bench.controls import CONTROL_NAMES
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.receipts.places import results_of, run_of
from fumehood_tools.receipts.trials import CONTROL, Trial, read_trial, trial_of
from fumehood_tools.records.scores import Failure, Score


def count_tries(sandboxes: Path, shelf: Shelf, packaged: Mapping[str, str]) -> int:
    """Return the number of variants tried. packaged: name -> sha256. Raises StorageFailed."""
    there = {results.parent.name for results in sandboxes.glob("*/results")}
    return sum(
        _tries(sandbox, shelf.collect(sandboxes / sandbox / "results"), packaged)
        for sandbox in sorted(there | shelf.sandboxes())
    )


def _tries(sandbox: str, found: SandboxRecords, packaged: Mapping[str, str]) -> int:
    """Return the number of tries in one sandbox."""
    words = {place: set(said) for place, said in found.tried.items()}
    records: dict[str, Score | Failure] = {**found.scores, **found.failures}
    for place, record in records.items():
        said = words.setdefault(f"{results_of(sandbox)}/{place}", set())
        said.discard("")
        if not said:  # a line of an older version, or no line after a crash
            said.add(trial_of(record.model_dump(mode="json", exclude={"metrics", "spec"})))
    tried = {
        (variant, trial)
        for place, said in words.items()
        for word in said - {"", CONTROL}
        for variant, trial in [(run_of(place)[0], read_trial(word))]
        if not trial.is_of(packaged.get(variant, ""))
    }
    gone = [place for place, said in words.items() if "" in said]
    return len(_without_failures_of_scored(tried)) + _older(gone, packaged)


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
