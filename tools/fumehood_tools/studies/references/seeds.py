"""The scores of one label: all of its seeds in one setting, each checked byte for byte.

A mean must not be over the seeds that somebody left. So every record in the folder of the label's
variant is checked, and what the ledger lists there must be there: a receipt that was edited,
copied, put back or deleted refuses every number of the label. Failed and withdrawn runs are
counted.

Costs about 1 ms per run of the variant, and 1 s per GB of weights, once per `LabelScores`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.bench.collect import SandboxRecords, choose, settings_of, unresolved
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.which_setting import pick_setting
from fumehood_tools.custom.scored import KIND as OWN_SCORE
from fumehood_tools.errors import StorageFailed, UnknownName
from fumehood_tools.receipts import Book, Held, mac_of, read_folder, results_of
from fumehood_tools.receipts.files import changed
from fumehood_tools.receipts.places import SANDBOXES, is_under, places_on_disk
from fumehood_tools.receipts.trials import trial_of
from fumehood_tools.records.labelling import label_of
from fumehood_tools.records.scores import Score
from fumehood_tools.sandbox.variants import packaged_in
from fumehood_tools.studies.references.grammar import Reference
from fumehood_tools.studies.references.stating import Basis

WITHDRAWN = "withdrawn"
"""The kind of a basis that stands for a withdrawn receipt."""


class Unsound(StorageFailed):
    """A record that a number rests on was changed, copied, put back, or is gone."""

    code = "unsound"


class SandboxScores(NamedTuple):
    """The records of one sandbox, in one setting."""

    name: str
    found: SandboxRecords
    by_label: Mapping[str, list[Score]]
    setting: str | None
    packaged: Mapping[str, str]

    def place(self, score: Score) -> str:
        """Return the place of a score in the workspace."""
        return next(
            f"{results_of(self.name)}/{where}"
            for where, one in self.found.scores.items()
            if one is score
        )


class LabelScores:
    """Finds the scores of labels in a workspace. Made for one call: what was checked is kept."""

    def __init__(self, workspace: Path, shelf: Shelf, book: Book) -> None:
        """book: the ledger of the whole workspace."""
        self._workspace, self._shelf, self._book = workspace, shelf, book
        self._sandboxes: dict[tuple[str, str | None], SandboxScores] = {}
        self._checked: dict[str, Held] = {}

    def sandbox(self, name: str, setting: str | None = None) -> SandboxScores:
        """Return the records of a sandbox. Raises UnknownName for it and for its setting."""
        key = name, setting
        if key not in self._sandboxes:
            self._sandboxes[key] = self._read(name, setting)
        return self._sandboxes[key]

    def basis(self, reference: Reference) -> list[Basis]:
        """Return the records of all seeds of a reference's label, failed and withdrawn included.

        Raises UnknownName for a sandbox, setting or label, Unsound for a record that is not as it
        was signed.
        """
        box = self.sandbox(reference.sandbox, reference.setting)
        scores = self._scores(box, reference)
        under = f"{results_of(box.name)}/{scores[0].variant}"
        self._refuse_what_is_wrong(under)
        found = [self.record(box.place(score)) for score in scores]
        trials, version = {trial_of(one.record) for one in found}, scores[0].file_version
        failed = {
            (failure.seed, failure.run)
            for failure in unresolved(box.found, box.packaged)
            if label_of(failure, box.packaged) == label_of(scores[0], box.packaged)
            and failure.file_version == version
            and failure.control is None
        }
        failures = [
            self.record(f"{results_of(box.name)}/{where}")
            for where, failure in box.found.failures.items()
            if (failure.seed, failure.run) in failed
        ]
        return [*found, *failures, *self._withdrawn(under, trials)]

    def every(self, name: str) -> list[Basis]:
        """Return every score and failure of a sandbox, of all settings. Raises Unsound."""
        box = self.sandbox(name)
        self._refuse_what_is_wrong(results_of(name))
        return [
            self.record(f"{results_of(name)}/{where}")
            for where in sorted([*box.found.scores, *box.found.failures])
        ]

    def own(self, name: str) -> list[Basis]:
        """Return every score that a sandbox's own evaluation gave. Raises Unsound."""
        self._refuse_what_is_wrong(results_of(name))
        return [
            self.record(place)
            for place, line in sorted(self._book.standing.items())
            if line.kind == OWN_SCORE
            and line.action == "written"
            and is_under(place, results_of(name))
        ]

    def record(self, place: str) -> Basis:
        """Return the record at a place, after hashing every file beside it. Raises Unsound."""
        held = self._held(place)
        if held is None or held.problem is not None:
            raise _unsound(place, held.problem.text if held and held.problem else "it is gone")
        return Basis(place, held.kind, mac_of(held.record), held.record)

    def _read(self, name: str, setting: str | None) -> SandboxScores:
        folder = self._workspace / SANDBOXES / name
        known = {one.name for one in (self._workspace / SANDBOXES).glob("[!.]*") if one.is_dir()}
        if name not in known:
            raise UnknownName("sandbox", name, known, "Name one of these.")
        found = self._shelf.collect(folder / "results")
        chosen_setting = pick_setting(list(settings_of(found)), setting, folder)
        packaged = packaged_in(folder)
        if chosen_setting is None:
            return SandboxScores(name, found, {}, None, packaged)
        current = self._shelf.variant_files(folder / "variants")
        chosen = choose(found, chosen_setting, current, None, packaged)
        return SandboxScores(name, found, chosen.by_label, chosen_setting.name, packaged)

    def _scores(self, box: SandboxScores, reference: Reference) -> list[Score]:
        """Return the scores of a label, or those of the same try as the run that is named."""
        if reference.seed and not reference.seed.isdigit():
            where = f"{reference.name}/{reference.seed}"
            if where not in box.found.scores:
                hint = "Name a folder under results/."
                raise UnknownName("scored run", where, box.found.scores, hint)
            of_run = trial_of(box.found.scores[where].model_dump())
            same = box.found.scores.values()
            return [score for score in same if trial_of(score.model_dump()) == of_run]
        if reference.name not in box.by_label:
            self._refuse_what_is_wrong(results_of(box.name))  # its records may be there, but bad
            hint = f"These labels were scored in {box.name}, setting {box.setting}."
            raise UnknownName("label", reference.name, box.by_label, hint)
        return box.by_label[reference.name]

    def _held(self, place: str) -> Held | None:
        if place not in self._checked:
            held = read_folder(self._workspace, place, self._book)
            if held is None:
                return None
            if held.problem is None:
                wrong = changed(held.kind, held.record, self._workspace / place)
                held = held._replace(problem=wrong[0] if wrong else None)
            self._checked[place] = held
        return self._checked[place]

    def _refuse_what_is_wrong(self, under: str) -> None:
        """Raise Unsound if a record under a place is not as it was signed, or is gone."""
        if self._book.broken:
            raise Unsound(f"{self._book.broken}. Run fumehood verify, and restore a backup.")
        present = []
        for place in places_on_disk(self._workspace, under):
            held = self._held(place)
            if held is None:
                continue
            present.append(place)
            if held.problem is not None and held.problem.code != WITHDRAWN:
                raise _unsound(place, held.problem.text)
        for place in self._book.missing(present, under):
            raise _unsound(place, "the receipt is gone")

    def _withdrawn(self, under: str, trials: set[str]) -> list[Basis]:
        """Return a basis without record for each withdrawn receipt of the same try."""
        return [
            Basis(place, WITHDRAWN, self._book.standing[place].receipt, {})
            for place in self._book.withdrawn(under)
            if trials & set(self._book.tried.get(place, ()))
        ]


def _unsound(place: str, why: str) -> Unsound:
    return Unsound(
        f"{place}: {why}. Restore it from a backup, or withdraw it with `fumehood verify "
        f"--withdraw {place}`: then it is counted as withdrawn."
    )
