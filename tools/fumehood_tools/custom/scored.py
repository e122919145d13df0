"""The scores and failed runs of a custom sandbox, for one set of sealed files.

Scores are put together by version of a variant's file.

Those of other sealed files are another evaluator's: scores are counted, and read by naming them.
Only reads records, a few ms each. `tries` says what p values are corrected for.
"""

import hashlib
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.bench.table_rows import Kind
from fumehood_tools.compare.looks import SeedRun, Side
from fumehood_tools.custom.sealed import sealed_sha256
from fumehood_tools.errors import StorageFailed, UnknownName
from fumehood_tools.plain_files import read_plain
from fumehood_tools.receipts import Book, mac_of, open_book, place_of, read_folder
from fumehood_tools.records.scores import Failure
from fumehood_tools.registry.kinds import FAILURE
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.sources import origin_of
from fumehood_tools.settings import Settings

KIND = "custom_score"
_DIGITS = 8


class Version(NamedTuple):
    """One version of a variant's file. stale: not the file of now. scores: seed -> record.

    places: seed -> place of that record. runs: when they were asked for and written.
    """

    variant: str
    label: str
    kind: Kind
    stale: bool
    scores: dict[int, dict[str, Any]]
    places: dict[int, str]
    runs: Side

    @property
    def sha256(self) -> str:
        """The hash of the file."""
        return str(next(iter(self.scores.values()))["variant_sha256"])

    def values(self, metric: str) -> dict[int, float]:
        """Return seed -> value of a metric."""
        return {seed: float(one["metrics"][metric]) for seed, one in sorted(self.scores.items())}


class Records(NamedTuple):
    """The records under results/, by place. broken: what does not verify -> why."""

    valid: dict[str, dict[str, Any]]
    failed: dict[str, Failure]
    broken: dict[str, str]


class CustomScores(NamedTuple):
    """The scores of one set of sealed files.

    others: hash of other sealed files -> number of their scores. records: of all sealed files.
    book: the ledger that they were checked against.
    """

    sealed: str
    versions: list[Version]
    others: dict[str, int]
    records: Records
    book: Book

    def current(self) -> dict[str, Version]:
        """Return the versions that are the files of now, by variant."""
        return {one.variant: one for one in self.versions if not one.stale}

    def unresolved(self) -> list[Failure]:
        """Return the newest failure per variant and seed, except where a later run got a score."""
        own = [one for one in self.records.failed.values() if one.sealed_sha256 == self.sealed]
        newest = {(one.variant, one.seed): one for one in sorted(own, key=lambda one: one.finished)}
        for version in self.versions:
            for seed, record in version.scores.items():
                failed = newest.get((version.variant, seed))
                if failed is not None and failed.finished <= record["written"]:
                    del newest[version.variant, seed]
        return [newest[key] for key in sorted(newest)]


def mean_and_sd(values: Iterable[float]) -> tuple[float, float | None]:
    """Return the mean and the sample standard deviation; None for the latter of a single value."""
    found = list(values)
    return statistics.fmean(found), statistics.stdev(found) if len(found) > 1 else None


def records_of(settings: Settings, box: Sandbox) -> list[dict[str, Any]]:
    """Return the valid records of a custom sandbox that its sealed files of now have made."""
    sealed = sealed_sha256(box)
    found = read_records(settings, box.results, open_book(settings.state))
    return [record for record in found.valid.values() if record["sealed_sha256"] == sealed]


def scores_of(settings: Settings, box: Sandbox, setting: str | None = None) -> CustomScores:
    """Return the scores of a sandbox. setting: the beginning of another hash of sealed files.

    Raises UnknownName for a setting that no score has, StorageFailed.
    """
    book, now = open_book(settings.state), sealed_sha256(box)
    records = read_records(settings, box.results, book)
    counts: dict[str, int] = defaultdict(int)
    for record in records.valid.values():
        counts[record["sealed_sha256"]] += 1
    sealed = now if setting is None else _chosen(setting, [now, *counts])
    own = {place: one for place, one in records.valid.items() if one["sealed_sha256"] == sealed}
    versions = list(_versions(box, own, book.order()))
    others = {digest: count for digest, count in counts.items() if digest != sealed}
    return CustomScores(sealed, versions, others, records, book)


def read_records(settings: Settings, results: Path, book: Book) -> Records:
    """Return the records under results/ of scores and failed runs."""
    found = Records({}, {}, {})
    for folder in sorted(results.glob("*/seed*")):
        place = place_of(folder, settings.workspace)
        held = read_folder(settings.workspace, place, book)
        if held is None:
            continue
        if held.problem is not None:
            found.broken[place] = held.problem.text
        elif held.kind == KIND:
            found.valid[place] = held.record
        elif held.kind == FAILURE.name:
            found.failed[place] = Failure.model_validate(held.record)
    return found


def _chosen(setting: str, known: Iterable[str]) -> str:
    wanted = setting.removeprefix("sealed ")
    digests = list(dict.fromkeys(known))
    for digest in digests:
        if wanted and digest.startswith(wanted):
            return digest
    raise UnknownName("setting", setting, [one[:12] for one in digests], "Or omit setting.")


def _versions(
    box: Sandbox, records: Mapping[str, dict[str, Any]], order: Mapping[str, int]
) -> Iterable[Version]:
    by_file: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for place, record in records.items():
        by_file[record["variant"], record["variant_sha256"]][record["seed"]] = place
    origin = origin_of(box.folder)
    for (variant, sha256), places in sorted(by_file.items()):
        scores = {seed: records[place] for seed, place in places.items()}
        is_stale = sha256 != variant_sha256(box, variant)
        came = origin.came_with(f"variants/{variant}.py", sha256)
        kind: Kind = "baseline" if came and not is_stale else "custom"
        if any(record["control"] for record in scores.values()):
            kind = "control"
        label = f"{variant}@{sha256[:_DIGITS]}" if is_stale else variant
        runs = Side([_run(record, order) for record in scores.values()])
        yield Version(variant, label, kind, is_stale, scores, places, runs)


def _run(record: Mapping[str, Any], order: Mapping[str, int]) -> SeedRun:
    """Return when a score was written and asked for. One that is not in the ledger comes last."""
    written, asked = order.get(mac_of(record), len(order)), record.get("asked")
    if asked is None:
        return SeedRun(record["seed"], written, None)
    known = -1 if asked["after"] is None else order.get(asked["after"], written)
    return SeedRun(record["seed"], written, known, frozenset(asked["seeds"]))


def variant_sha256(box: Sandbox, variant: str) -> str:
    """Return the hash of a variant's file of now; "" if there is none."""
    try:
        return hashlib.sha256(read_plain(box.variants / f"{variant}.py")).hexdigest()
    except StorageFailed:
        return ""
