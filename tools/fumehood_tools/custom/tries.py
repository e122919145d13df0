"""Count what was tried in the custom sandboxes of a workspace, which p values are corrected for.

What has to be counted are the verdicts that could have been given, as the best of many looks good
by chance. So every version of a file counts, and with it every value of a constant that was edited
in it, by every set of sealed files, in any custom sandbox of the workspace, current or not. The
version that is the baseline of a comparison does not, nor do controls. Seeds are looks, not tries.

A score that was deleted or withdrawn counts, too. The ledger names its variant and seed, and not
the version of its file, so a variant counts as the largest number of lost runs of any of its seeds.

Costs as much as reading all custom sandboxes.
"""

from collections import Counter
from collections.abc import Iterable

from fumehood_tools.custom.scored import KIND, CustomScores, read_records
from fumehood_tools.receipts.places import SANDBOXES, run_of
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings


def count_tries(settings: Settings, box: Sandbox, scores: CustomScores, baseline: str) -> int:
    """Return the number of tries, at least 1.

    scores: those of the sandbox, which are not read again. baseline: the hash of a file.
    """
    listed = [place for place, line in scores.book.standing.items() if line.kind == KIND]
    tried, there = set[tuple[str, str, str, str]](), set[str]()
    for name in sorted({box.name, *map(sandbox_of, listed)}):
        valid = scores.valid
        if name != box.name:
            valid, _ = read_records(settings, settings.sandboxes / name / "results", scores.book)
        there |= valid.keys()
        tried |= {
            (name, one["variant"], one["variant_sha256"], one["sealed_sha256"])
            for one in valid.values()
            if not one["control"] and one["variant_sha256"] != baseline
        }
    return max(1, len(tried) + _lost(place for place in listed if place not in there))


def sandbox_of(place: str) -> str:
    """Return the name of the sandbox that a place of a score is in."""
    return place.removeprefix(f"{SANDBOXES}/").partition("/")[0]


def _lost(places: Iterable[str]) -> int:
    """Return how many tries are behind places whose records are gone."""
    runs: Counter[tuple[str, str, str]] = Counter()
    for place in places:
        variant, run = run_of(place)
        runs[sandbox_of(place), variant, run.partition("-")[0]] += 1
    most: Counter[tuple[str, str]] = Counter()
    for (sandbox, variant, _), count in runs.items():
        most[sandbox, variant] = max(most[sandbox, variant], count)
    return most.total()
