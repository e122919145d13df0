"""How many variants were tried in a workspace: what a p value is corrected for.

Every version of every file counts once for each set of parameters and for each setting it ran
with, whatever the seeds: scored or failed, current or not, in any sandbox. A level that was only
run on the way to an L0 is a try too. Packaged baselines and controls are none.
What was deleted, withdrawn or replaced counts too, for the ledger knows it. Lines of older versions
don't say what was tried: where such a record is gone, as many tries as one seed had runs, of each
name. Costs what reading the sandboxes costs.
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
    """Return how many variants were tried. packaged: name -> sha256. Raises StorageFailed."""
    there = {results.parent.name for results in sandboxes.glob("*/results")}
    return sum(
        _tries(sandbox, shelf.collect(sandboxes / sandbox / "results"), packaged)
        for sandbox in sorted(there | shelf.sandboxes())
    )


def _tries(sandbox: str, found: SandboxRecords, packaged: Mapping[str, str]) -> int:
    """Return how many tries one sandbox saw."""
    words = {place: set(said) for place, said in found.tried.items()}
    records: dict[str, Score | Failure] = {**found.scores, **found.failures}
    for place, record in records.items():
        said = words.setdefault(f"{results_of(sandbox)}/{place}", set())
        said.discard("")
        if not said:  # an older line, or none after a crash
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
    """Return the tries, a failed run of what has a score as well left out.

    The record of a failure does not say in which setting it ran.
    """
    scored = {(name, trial._replace(settings="")) for name, trial in tried if trial.settings}
    return {one for one in tried if one[1].settings or one not in scored}


def _older(places: Iterable[str], packaged: Mapping[str, str]) -> int:
    """Return how many tries stand behind receipts that are gone and whose lines don't say."""
    runs: dict[str, Counter[str]] = defaultdict(Counter)
    for place in places:
        variant, run = run_of(place)
        if variant not in packaged and variant not in CONTROL_NAMES:
            runs[variant][run.partition("-")[0]] += 1
    return sum(max(seeds.values()) for seeds in runs.values())
