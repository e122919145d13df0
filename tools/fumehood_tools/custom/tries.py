"""Count what was tried in the custom sandboxes of a workspace, which p values are corrected for.

What has to be counted are the verdicts that could have been given, as the best of many looks good
by chance. So every version of a file counts, and with it every value of a constant that was edited
in it, by every set of sealed files, in any custom sandbox of the workspace, current or not. The
version that is the baseline of a comparison does not, nor do controls. Seeds are looks, not tries.
A version of which every run failed counts, as one of an SAE does.

A record that was deleted or withdrawn counts, too. The ledger names its variant and seed, and not
the version of its file, so a variant counts as the largest number of lost runs of any of its seeds.
It does name the file of a failed run, which counts unless its variant has more lost scores.

Costs as much as reading all custom sandboxes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from fumehood_tools.custom.scored import KIND, CustomScores, Records, read_records
from fumehood_tools.receipts import Book
from fumehood_tools.receipts.places import SANDBOXES, run_of
from fumehood_tools.receipts.trials import OWN, Trial, read_trial
from fumehood_tools.registry.kinds import FAILURE
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings


def count_tries(settings: Settings, box: Sandbox, scores: CustomScores, baseline: str) -> int:
    """Return the number of tries, at least 1.

    scores: those of the sandbox, which are not read again. baseline: the hash of a file.
    """
    listed = [place for place, line in scores.book.standing.items() if line.kind == KIND]
    failed = _failed_places(scores.book)
    tried, there = set[tuple[str, str, str, str]](), set[str]()
    for name in sorted({box.name, *map(sandbox_of, [*listed, *failed])}):
        found = scores.records
        if name != box.name:
            found = read_records(settings, settings.sandboxes / name / "results", scores.book)
        there |= found.valid.keys() | found.failed.keys()
        tried |= {
            (name, variant, file, sealed)
            for variant, file, sealed in _files(found)
            if file != baseline
        }
    known = {(name, variant, file) for name, variant, file, _ in tried}
    lost = {
        (sandbox_of(place), run_of(place)[0], trial)
        for place, trial in failed.items()
        if place not in there and not trial.is_of(baseline)
    }
    unknown = [
        (name, variant)
        for name, variant, trial in lost
        if not any((name, variant) == one[:2] and trial.is_of(one[2]) for one in known)
    ]
    gone = (place for place in listed if place not in there)
    return max(1, len(tried) + _lost(gone, Counter(unknown)))


def _files(found: Records) -> Iterator[tuple[str, str, str]]:
    """Yield variant, file and sealed files of what was scored or failed, without controls."""
    for record in found.valid.values():
        if not record["control"]:
            yield record["variant"], record["variant_sha256"], record["sealed_sha256"]
    for failure in found.failed.values():
        if failure.control is None:
            yield failure.variant, failure.file_version, str(failure.sealed_sha256)


def _failed_places(book: Book) -> dict[str, Trial]:
    """Return the places of failed runs, which the ledger lists, with what was tried there."""
    return {
        place: trial
        for place, line in book.standing.items()
        if line.kind == FAILURE.name
        for trial in map(read_trial, book.tried.get(place, ()))
        if trial.settings == OWN
    }


def sandbox_of(place: str) -> str:
    """Return the name of the sandbox that a place of a score is in."""
    return place.removeprefix(f"{SANDBOXES}/").partition("/")[0]


def _lost(scores: Iterable[str], failed: Counter[tuple[str, str]]) -> int:
    """Return how many tries are behind records that are gone.

    scores: the places of scores. failed: sandbox and variant -> number of files that only failed.
    """
    runs: Counter[tuple[str, str, str]] = Counter()
    for place in scores:
        variant, run = run_of(place)
        runs[sandbox_of(place), variant, run.partition("-")[0]] += 1
    most = Counter(failed)
    for (sandbox, variant, _), count in runs.items():
        most[sandbox, variant] = max(most[sandbox, variant], count)
    return most.total()
