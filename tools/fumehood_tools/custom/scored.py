"""The scores of a custom sandbox: by version of a variant's file, for one set of sealed files.

Scores of other sealed files are another evaluator's: they are counted, and read by naming them.
Only reads records, a few ms each. A deleted or withdrawn score still counts as a try.
"""

import hashlib
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.bench.table_rows import Kind
from fumehood_tools.custom.sealed import sealed_sha256
from fumehood_tools.errors import StorageFailed, UnknownName
from fumehood_tools.plain_files import read_plain
from fumehood_tools.receipts import Book, open_book, place_of, read_folder
from fumehood_tools.receipts.places import is_under, run_of
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.sources import origin_of
from fumehood_tools.settings import Settings

KIND = "custom_score"
_DIGITS = 8


class Version(NamedTuple):
    """One version of a variant's file. scores: seed -> record. stale: not the file of now."""

    variant: str
    label: str
    kind: Kind
    stale: bool
    scores: dict[int, dict[str, Any]]

    def values(self, metric: str) -> dict[int, float]:
        """Return seed -> value of a metric."""
        return {seed: float(one["metrics"][metric]) for seed, one in sorted(self.scores.items())}


class CustomScores(NamedTuple):
    """The scores of one set of sealed files.

    others: hash of other sealed files -> number of their scores. broken: places of records that do
    not verify -> why. tries: versions that were tried with these sealed files, controls left out.
    """

    sealed: str
    versions: list[Version]
    others: dict[str, int]
    broken: dict[str, str]
    tries: int

    def current(self) -> dict[str, Version]:
        """Return the versions that are the files of now, by variant."""
        return {one.variant: one for one in self.versions if not one.stale}


def mean_and_sd(values: Iterable[float]) -> tuple[float, float | None]:
    """Return the mean and the sample standard deviation; None for the latter of a single value."""
    found = list(values)
    return statistics.fmean(found), statistics.stdev(found) if len(found) > 1 else None


def records_of(settings: Settings, box: Sandbox) -> list[dict[str, Any]]:
    """Return the valid records of a custom sandbox that its sealed files of now have made."""
    sealed = sealed_sha256(box)
    valid, _ = _read(settings, box, open_book(settings.state))
    return [record for record in valid.values() if record["sealed_sha256"] == sealed]


def scores_of(settings: Settings, box: Sandbox, setting: str | None = None) -> CustomScores:
    """Return the scores of a sandbox. setting: the beginning of another hash of sealed files.

    Raises UnknownName for a setting that no score has, StorageFailed.
    """
    book, now = open_book(settings.state), sealed_sha256(box)
    valid, broken = _read(settings, box, book)
    counts: dict[str, int] = defaultdict(int)
    for record in valid.values():
        counts[record["sealed_sha256"]] += 1
    sealed = now if setting is None else _chosen(setting, [now, *counts])
    own = [record for record in valid.values() if record["sealed_sha256"] == sealed]
    versions = list(_versions(box, own))
    lost = _lost(book, place_of(box.results, settings.workspace), valid)
    tried = sum(version.kind != "control" for version in versions)
    others = {digest: count for digest, count in counts.items() if digest != sealed}
    return CustomScores(sealed, versions, others, broken, tried + lost)


def _read(
    settings: Settings, box: Sandbox, book: Book
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return place -> record of what is valid, and place -> problem of what is not."""
    valid, broken = dict[str, dict[str, Any]](), dict[str, str]()
    for folder in sorted(box.results.glob("*/seed*")):
        place = place_of(folder, settings.workspace)
        held = read_folder(settings.workspace, place, book)
        if held is None:
            continue
        if held.problem is not None:
            broken[place] = held.problem.text
        elif held.kind == KIND:
            valid[place] = held.record
    return valid, broken


def _chosen(setting: str, known: Iterable[str]) -> str:
    wanted = setting.removeprefix("sealed ")
    digests = list(dict.fromkeys(known))
    for digest in digests:
        if wanted and digest.startswith(wanted):
            return digest
    raise UnknownName("setting", setting, [one[:12] for one in digests], "Or omit setting.")


def _versions(box: Sandbox, records: Iterable[Mapping[str, Any]]) -> Iterable[Version]:
    by_file: dict[tuple[str, str], dict[int, dict[str, Any]]] = defaultdict(dict)
    for record in records:
        by_file[record["variant"], record["variant_sha256"]][record["seed"]] = dict(record)
    came = origin_of(box.folder).files
    for (variant, sha256), scores in sorted(by_file.items()):
        is_stale = sha256 != _sha256(box.variants / f"{variant}.py")
        kind: Kind = "baseline" if f"variants/{variant}.py" in came and not is_stale else "custom"
        if any(record["control"] for record in scores.values()):
            kind = "control"
        label = f"{variant}@{sha256[:_DIGITS]}" if is_stale else variant
        yield Version(variant, label, kind, is_stale, scores)


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(read_plain(path)).hexdigest()
    except StorageFailed:
        return ""


def _lost(book: Book, results: str, there: Mapping[str, object]) -> int:
    """Return how many tries the ledger has whose records are gone or withdrawn.

    A place names variant and seed, and not the version of the file. So each variant counts as the
    largest number of lost runs that any of its seeds had.
    """
    runs: dict[tuple[str, str], int] = defaultdict(int)
    for place, line in book.standing.items():
        if line.kind == KIND and is_under(place, results) and place not in there:
            variant, run = run_of(place)
            runs[variant, run.partition("-")[0]] += 1
    most: dict[str, int] = {}
    for (variant, _), count in runs.items():
        most[variant] = max(most.get(variant, 0), count)
    return sum(most.values())
