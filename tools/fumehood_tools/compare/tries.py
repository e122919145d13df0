"""How many variants were tried in a workspace: what a p value is corrected for.

Every version of every file that ran counts once, with whatever parameters and seeds: scored or
failed, current or not, in any sandbox. Packaged baselines and controls are none.
What was deleted counts too, for the ledger knows it. Versions and levels can't be told apart there:
as many tries as one seed had runs, of each name. Costs what reading the sandboxes costs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from fumehood_tools.bench.collect import Found
from fumehood_tools.bench.controls import CONTROL_NAMES
from fumehood_tools.bench.records import Failure, Score
from fumehood_tools.bench.shelf import Shelf


def count_tries(sandboxes: Path, shelf: Shelf, packaged: Mapping[str, str]) -> int:
    """Return how many variants were tried. packaged: name -> sha256. Raises StorageFailed."""
    there = {results.parent.name for results in sandboxes.glob("*/results")}
    tries = 0
    for sandbox in sorted(there | shelf.sandboxes()):
        found = shelf.collect(sandboxes / sandbox / "results")
        tries += len(_versions(found, packaged)) + _deleted(found.deleted, packaged)
    return tries


def _versions(found: Found, packaged: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return (variant, sha256) of the files of one sandbox that have a record."""
    records: list[Score | Failure] = [*found.scores.values(), *found.failures.values()]
    return {
        (record.variant, record.file_version)
        for record in records
        if record.control is None and packaged.get(record.variant) != record.file_version
    }


def _deleted(places: Iterable[str], packaged: Mapping[str, str]) -> int:
    """Return how many tries the deleted receipts of one sandbox stand for."""
    runs: dict[str, Counter[str]] = defaultdict(Counter)
    for place in places:
        _, variant, run = place.split("/")
        if variant not in packaged and variant not in CONTROL_NAMES:
            runs[variant][run.partition("-")[0]] += 1
    return sum(max(seeds.values()) for seeds in runs.values())
