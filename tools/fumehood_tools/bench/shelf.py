"""A cache of verified records, for a process that reads the same sandboxes repeatedly.

Reads every `results/<variant>/seed*/{score,failure}.json`, records of other registered kinds that
add metrics to those scores, and the ledger; writes nothing. Only records with a valid receipt are
used. The others are reported with a reason; they never raise an error. Weights are not hashed here:
`fumehood verify` does that.

Costs about 0.2 ms per record the first time. After that, a stat of the files in a folder (10 us)
shows whether they have changed; only then is the record verified again. The ledger is consulted at
every call. Memory: about 10 kB per record; at most 4,000 records are cached, or one sandbox if it
has more.
"""

import contextlib
import math
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from fumehood_tools.bench.collect import LeftOut, SandboxRecords, Setting, setting_of
from fumehood_tools.bench.evaluations import (
    NO_SCORE,
    Evaluation,
    evaluation_of,
    metrics_by_score,
    with_metrics,
)
from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import digest_of, sha256_of
from fumehood_tools.plain_files import MOST_SOURCE_BYTES, NotPlain
from fumehood_tools.receipts import Book, LedgerReader
from fumehood_tools.receipts.files import WEIGHTS_FILES
from fumehood_tools.receipts.folders import Sealed, judge, read_sealed
from fumehood_tools.receipts.key import Key
from fumehood_tools.receipts.places import matches, place_of, places_on_disk, run_of
from fumehood_tools.receipts.stamps import Stamp, stamp_of
from fumehood_tools.receipts.trials import TRIED
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.registry.kinds import SCORE, kind_named, kinds

MOST_KEPT = 4_000
_EXAMPLES = 3
_KEPT_OF_SPEC = ("training", "scoring", "limits")


class _Kept(NamedTuple):
    """The content of one folder, and the stamp of its files before they were read."""

    stamp: Stamp
    sealed: Sealed | None
    record: Score | Failure | Evaluation | str | None
    """A string is the reason why a record with a valid receipt does not count. None: no table
    shows records of this kind."""
    setting: Setting | None


class Shelf:
    """The records of one workspace. Safe to use from several threads."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.time) -> None:
        """Create an empty cache; nothing is read yet.

        state: the workspace's .fumehood folder. clock: seconds since the epoch.
        """
        self.verified = 0
        """Number of folder reads and verifications so far, repeated ones included."""
        self._clock = clock
        self._ledger = LedgerReader(state, clock)
        self._lock = threading.Lock()
        self._key: Key | None = None
        self._kept: dict[Path, dict[str, _Kept]] = {}
        self._settings: dict[Setting, Setting] = {}
        self._specs: dict[str, dict[str, Any]] = {}
        self._sources: dict[Path, dict[str, tuple[Stamp, str]]] = {}

    def collect(self, results: Path) -> SandboxRecords:
        """Return every record under a sandbox's results/; none if the folder does not exist.

        Only the training, scoring and limits sections of a score's `spec` are kept. Raises
        StorageFailed when the workspace's key cannot be read.
        """
        with self._lock:
            workspace = results.parents[2]
            under = place_of(results.parent, workspace)
            book = self._ledger.book(under)
            return _found(self._look(workspace, under, book), place_of(results, workspace), book)

    def newest(self, results: Path) -> str | None:
        """Return the MAC of the newest receipt under a sandbox's results/; None without one."""
        with self._lock:
            book = self._ledger.book(place_of(results.parent, results.parents[2]))
            return next(reversed(list(book.places)), None)

    def sandboxes(self) -> set[str]:
        """Return the names of all sandboxes that ever had a record, including deleted ones."""
        with self._lock:
            return self._ledger.sandboxes()

    def variant_files(self, folder: Path) -> dict[str, str]:
        """Return variant -> sha256 of the files in a folder of variants. Raises StorageFailed."""
        with self._lock:
            before = self._sources.get(folder, {})
            now: dict[str, tuple[Stamp, str]] = {}
            for path in sorted(folder.glob("*.py")):
                if path.stem.startswith("_"):
                    continue
                stamp = stamp_of([str(path)], self._clock())
                kept = before.get(path.stem)
                if kept is not None and kept[0].vouches(stamp):
                    now[path.stem] = kept
                elif (sha256 := _sha256(path)) is not None:
                    now[path.stem] = stamp, sha256
            self._sources[folder] = now
            return {name: sha256 for name, (_, sha256) in now.items()}

    def _look(self, workspace: Path, under: str, book: Book) -> dict[str, _Kept]:
        """Return place -> content of the folder, read again only if its files have changed."""
        if book.key != self._key:
            self._kept.clear()
            self._key = book.key
        before = self._kept.pop(workspace / under, {})
        now: dict[str, _Kept] = {}
        for place in places_on_disk(workspace, under):
            stamp = stamp_of(_deciding_files(workspace, place), self._clock())
            kept = before.get(place)
            if kept is None or not kept.stamp.vouches(stamp):
                kept = self._read(workspace, place, stamp, book.key)
            now[place] = kept
        # Inserting at the end makes the first entry the least recently used one.
        self._kept[workspace / under] = now
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return now

    def _read(self, workspace: Path, place: str, stamp: Stamp, key: Key | None) -> _Kept:
        self.verified += 1
        sealed = read_sealed(workspace, place, key)
        if sealed is None:
            return _Kept(stamp, None, "", None)
        record = "" if sealed.problem is not None else _record(sealed, self._specs)
        setting = None
        if isinstance(record, Score):
            spec = sealed.record.get("spec")
            found = setting_of(record, spec if isinstance(spec, dict) else {})
            setting = self._settings.setdefault(found, found)
        return _Kept(stamp, sealed._replace(record={}), record, setting)


def _deciding_files(workspace: Path, place: str) -> list[str]:
    """Return the paths of the files that determine what is read at a place."""
    folder = f"{workspace}/{place}"
    if matches(place, SCORE.places):
        names = [kind.file for kind in kinds()] + [f"{run_of(place)[0]}.py"]
        names += WEIGHTS_FILES
    else:
        names = []
        with contextlib.suppress(OSError):
            names = sorted(os.listdir(folder))
    return [f"{folder}/{name}" for name in names]


def _found(looked: dict[str, _Kept], results: str, book: Book) -> SandboxRecords:
    """Return the records that count according to the ledger, and the reasons why others do not.

    results: the place of the results folder; the returned places are relative to it.
    """
    tried = {place: sorted(words) for place, words in book.tried.items()}
    withdrawn = _withdrawn(book)
    found = SandboxRecords({}, {}, {}, [], [], book.broken, withdrawn, tried, order={}, asked={})
    others: dict[str, list[str]] = defaultdict(list)
    present, macs = [], dict[str, str]()
    evaluations: dict[str, Evaluation] = {}
    for where, kept in looked.items():
        if kept.sealed is None:
            continue
        place, held = where.removeprefix(f"{results}/"), judge(kept.sealed, book)
        present.append(held.place)
        if held.problem is not None:
            others[held.problem.text].append(place)
        elif isinstance(kept.record, Score) and kept.setting is not None:
            found.scores[place], found.settings[place] = kept.record, kept.setting
            macs[where] = kept.sealed.mac
        elif isinstance(kept.record, Evaluation):
            evaluations[where] = kept.record
        elif isinstance(kept.record, Failure):
            found.failures[place] = kept.record
        elif isinstance(kept.record, str):
            others[kept.record].append(place)
    order = book.order() if macs else {}
    for where, mac in macs.items():
        _put_in_order(found, where.removeprefix(f"{results}/"), mac, order)
    added, others[NO_SCORE] = metrics_by_score(macs, _oldest_first(evaluations, looked, book))
    for where, metrics in added.items():
        place = where.removeprefix(f"{results}/")
        found.scores[place] = with_metrics(found.scores[place], metrics)
    found.damaged.extend(
        LeftOut(reason=reason, count=len(places), examples=places[:_EXAMPLES])
        for reason, places in others.items()
        if places
    )
    missing = book.missing(present)
    found.deleted.extend(place for place in missing if book.standing[place].kind in TRIED)
    gone = [place for place in [*missing, *book.withdrawn("")] if _was_evaluation(book, place)]
    return found._replace(evaluations_gone=tuple(sorted(gone)))


def _put_in_order(found: SandboxRecords, place: str, mac: str, order: Mapping[str, int]) -> None:
    """Enter the position of a score in the ledger, and that at which its run was asked for.

    A request that names a receipt which the ledger does not have counts as made when its score was
    written. Scores that are not in the ledger yet come last.
    """
    found.order[place] = order.get(mac, len(order))
    asked = found.scores[place].asked
    if asked is not None:
        known = -1 if asked.after is None else order.get(asked.after, found.order[place])
        found.asked[place] = known


def _oldest_first(
    evaluations: Mapping[str, Evaluation], looked: Mapping[str, _Kept], book: Book
) -> list[tuple[str, Evaluation]]:
    """Return (place, content) in the ledger's order; those not yet in the ledger come last."""
    if not evaluations:
        return []
    order = book.order()

    def age(item: tuple[str, Evaluation]) -> tuple[int, str]:
        sealed = looked[item[0]].sealed
        return order.get(sealed.mac if sealed else "", len(order)), item[0]

    return sorted(evaluations.items(), key=age)


def _withdrawn(book: Book) -> list[str]:
    """Return the places of withdrawn scores and failures. Ledger format 1 has no kind ("")."""
    return [place for place in book.withdrawn("") if book.standing[place].kind in ("", *TRIED)]


def _was_evaluation(book: Book, place: str) -> bool:
    """Whether the ledger lists an evaluation (another kind with metrics) at this place."""
    kind = book.standing[place].kind
    return kind not in TRIED and any(kind == one.name and one.metrics for one in kinds())


def _record(
    sealed: Sealed, specs: dict[str, dict[str, Any]]
) -> Score | Failure | Evaluation | str | None:
    """Return the record of a folder, or the reason why it does not count.

    specs: digest -> spec, so that records with equal specs share one object.
    """
    if sealed.kind not in TRIED:
        return evaluation_of(kind_named(sealed.kind), sealed.record)
    try:
        if sealed.kind == "failure":
            return Failure.model_validate(sealed.record)
        spec = {name: sealed.record["spec"].get(name, {}) for name in _KEPT_OF_SPEC}
        spec = specs.setdefault(digest_of(spec), spec)
        score = Score.model_validate({**sealed.record, "spec": spec})
    except (ValidationError, AttributeError, KeyError):
        return f"a {sealed.kind} record of another version of fumehood; call run_variants again"
    wrong = [name for name, value in score.metrics.items() if not math.isfinite(value)]
    return f"{', '.join(wrong)} not finite; call run_variants again" if wrong else score


def _sha256(path: Path) -> str | None:
    """Return the sha256 of a variant's file; None if it is missing or not a plain file."""
    try:
        return sha256_of(path, MOST_SOURCE_BYTES)
    except (FileNotFoundError, NotPlain):
        return None
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {path.name}") from error
