"""What the work on a study reads: the workspace's settings, scores and notebooks.

A `Lab` is one moment of a workspace: it keeps what it read, so one call sees one state. Light.
"""

import functools
import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.bench.collect import SandboxRecords, Setting
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.custom.scored import KIND as OWN_SCORE
from fumehood_tools.custom.scored import read_records
from fumehood_tools.errors import BadRequest, StorageFailed, UnknownName
from fumehood_tools.files import digest_of
from fumehood_tools.receipts.folders import Book
from fumehood_tools.receipts.places import SANDBOXES, is_under, results_of, run_of
from fumehood_tools.receipts.signing import read_record
from fumehood_tools.receipts.trials import CONTROL, read_trial, spot_of
from fumehood_tools.records.labelling import Packaged
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.runs.code import evaluator_sha256, template_sha256
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.sandbox.variants import packaged_in
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec, check_spec, deciding_values
from fumehood_tools.studies.entries import HoldoutAnswer, Plan
from fumehood_tools.studies.notebook import Entry, Study, StudyShelf, study_names

FILE_CHARACTERS = 16
"""Characters of a file's sha256 in a line of the ledger."""


class Ran(NamedTuple):
    """What a record is about. file: sha256 of the variant's file, or the label of a control."""

    variant: str
    file: str
    seed: int


class Lab:
    """The scores and studies of one workspace, as they were when they were first asked for."""

    def __init__(
        self,
        settings: Settings,
        records: Shelf | None = None,
        studies: StudyShelf | None = None,
        packaged: Mapping[str, str] | None = None,
        draw: random.Random | None = None,
    ) -> None:
        """packaged: name -> sha256 of the files that count as baselines; None: those of the kind.

        draw: what seeds are drawn with; None for the operating system's randomness.
        """
        self.settings = settings
        self.records = records or Shelf(settings.state)
        self.studies = studies or StudyShelf(settings.workspace)
        self.chosen_packaged = packaged
        self.draw = draw or random.SystemRandom()
        self._found: dict[str, SandboxRecords] = {}
        self._seeds: dict[str, Mapping[str, set[int]]] = {}
        self._own: dict[str, Mapping[str, Mapping[str, Any]]] = {}
        self._costs: dict[str, Mapping[Ran, list[tuple[int, str]]]] = {}

    @functools.cached_property
    def book(self) -> Book:
        """The whole ledger."""
        return self.studies.book()

    @functools.cached_property
    def order(self) -> Mapping[str, int]:
        """MAC of a receipt -> its position in the ledger."""
        return self.book.order()

    @functools.cached_property
    def receipts_at(self) -> Mapping[str, int]:
        """Place -> number of receipts that were ever written there."""
        return Counter(self.book.places.values())

    def position(self, place: str) -> int:
        """Return the position in the ledger of the receipt at a place; the end if it has none."""
        line = self.book.standing.get(place)
        return len(self.order) if line is None else self.order.get(line.receipt, len(self.order))

    def receipt(self, place: str) -> str:
        """Return the MAC of the receipt at a place; "" if the ledger has none."""
        line = self.book.standing.get(place)
        return "" if line is None else line.receipt

    def folder(self, sandbox: str) -> Path:
        """Return the folder of a sandbox, whether it exists or not."""
        return self.settings.workspace / SANDBOXES / sandbox

    def box(self, sandbox: str) -> Sandbox:
        """Return a sandbox that a study can be about.

        Raises UnknownName, and BadRequest for one with an evaluation of its own.
        """
        box = open_sandbox(self.settings, sandbox)
        if box.spec.custom is not None:
            raise BadRequest(
                f"{sandbox} is evaluated by its own code, and has no grid of constants and no L0 "
                "that values could be proposed for. Use about='hints', which names what was tried."
            )
        return box

    def own_records(self, sandbox: str) -> Mapping[str, Mapping[str, Any]]:
        """Return place -> record of the valid scores of a sandbox's own evaluation."""
        if sandbox not in self._own:
            listed = any(
                line.kind == OWN_SCORE and is_under(place, results_of(sandbox))
                for place, line in self.book.standing.items()
            )
            self._own[sandbox] = {}
            if listed:
                results = self.folder(sandbox) / "results"
                self._own[sandbox] = read_records(self.settings, results, self.book).valid
        return self._own[sandbox]

    def packaged(self, sandbox: str) -> Packaged:
        """Return name -> sha256 of the files that count as baselines in a sandbox."""
        if self.chosen_packaged is not None:
            return self.chosen_packaged
        return packaged_in(self.folder(sandbox))

    def found(self, sandbox: str) -> SandboxRecords:
        """Return the records of a sandbox; none if it does not exist."""
        if sandbox not in self._found:
            self._found[sandbox] = self.records.collect(self.folder(sandbox) / "results")
        return self._found[sandbox]

    def sandboxes(self) -> list[str]:
        """Return the names of all sandboxes that have, or once had, a record."""
        return sorted(self.records.sandboxes())

    def scored_seeds(self, sandbox: str) -> Mapping[str, set[int]]:
        """Return the beginning of a file's sha256 -> the seeds that it was ever scored with.

        In any setting. Records that were deleted or withdrawn since count too, as somebody may have
        read them. Controls do not.
        """
        if sandbox not in self._seeds:
            found, seeds = self.found(sandbox), defaultdict[str, set[int]](set)
            for place, words in found.tried.items():
                seed = self.seed_of(place)
                for trial in map(read_trial, words):
                    if trial.was_scored and seed is not None:
                        seeds[trial.file].add(seed)
            for score in found.scores.values():
                if score.control is None:
                    seeds[score.file_version[:FILE_CHARACTERS]].add(score.seed)
            for record in self.own_records(sandbox).values():
                if not record["control"]:
                    seeds[record["variant_sha256"][:FILE_CHARACTERS]].add(record["seed"])
            self._seeds[sandbox] = seeds
        return self._seeds[sandbox]

    def seeds_of(self, file_sha256: str) -> set[int]:
        """Return the seeds that a file was ever scored with, in any sandbox and setting."""
        file = file_sha256[:FILE_CHARACTERS]
        return {
            seed
            for sandbox in self.sandboxes()
            for seed in self.scored_seeds(sandbox).get(file, ())
        }

    def used_seeds(self) -> set[int]:
        """Return the seeds with which anything in the workspace was scored, failed or was stopped.

        Stopped trainings of packaged files are not known.
        """
        scored = {
            seed
            for sandbox in self.sandboxes()
            for seeds in self.scored_seeds(sandbox).values()
            for seed in seeds
        }
        own = (place for place, line in self.book.standing.items() if line.kind == OWN_SCORE)
        places = [*self.book.begun, *own]
        begun = {seed for seed in map(self.seed_of, places) if seed is not None}
        return scored | begun | {ran.seed for _, ran in self.written if ran.file != CONTROL}

    @staticmethod
    def seed_of(place: str) -> int | None:
        """Return the seed of a run by its place in the results of a sandbox; None without one."""
        seed = run_of(place)[1].partition("-")[0].removeprefix("seed")
        return int(seed) if seed.isdigit() else None

    @functools.cached_property
    def written(self) -> Mapping[tuple[str, Ran], list[int]]:
        """(sandbox, what ran) -> positions in the ledger of its scores and failures.

        From the ledger alone, so that nothing is missing if a record was deleted. `Ran.file` is the
        beginning of the sha256, or CONTROL.
        """
        found = defaultdict[tuple[str, Ran], list[int]](list)
        for place, words in self.book.tried.items():
            variant, seed = run_of(place)[0], self.seed_of(place)
            if seed is not None:
                sandbox = place.removeprefix(f"{SANDBOXES}/").partition("/")[0]
                for file in {read_trial(word).file for word in words}:
                    found[sandbox, Ran(variant, file, seed)].append(self.position(place))
        return found

    @functools.cached_property
    def spots(self) -> Mapping[str, Mapping[str, set[tuple[str, str]]]]:
        """Sandbox -> word of a layer (`trials.spot_word`) -> (variant, file) of what ran there.

        From the ledger alone, so that a sandbox counts after it was deleted. File: the beginning of
        the sha256. Controls are left out.
        """
        found = defaultdict[str, dict[str, set[tuple[str, str]]]](dict)
        for place, words in self.book.spots.items():
            sandbox = place.removeprefix(f"{SANDBOXES}/").partition("/")[0]
            for word in words:
                about = run_of(place)[0], read_trial(word).file
                found[sandbox].setdefault(spot_of(word), set()).add(about)
        return found

    def costs(self, sandbox: str) -> Mapping[Ran, list[tuple[int, str]]]:
        """Return what ran -> (position in the ledger, place) of its scores and failures."""
        if sandbox not in self._costs:
            found, costs = self.found(sandbox), defaultdict[Ran, list[tuple[int, str]]](list)
            under = results_of(sandbox)
            records: dict[str, Score | Failure] = {**found.scores, **found.failures}
            for place, record in records.items():
                file = record.control or record.file_version
                ran = Ran(record.variant, file, record.seed)
                costs[ran].append((self.position(f"{under}/{place}"), place))
            self._costs[sandbox] = costs
        return self._costs[sandbox]

    def all_studies(self) -> list[Study]:
        """Return the studies of the workspace that can be read."""
        found = []
        for name in study_names(self.settings.workspace):
            try:
                found.append(self.studies.read(name))
            except (BadRequest, UnknownName):
                continue  # its first entry was edited: then `read_study` says so
        return found

    def all_plans(self) -> list[tuple[Entry, Plan]]:
        """Return the sound plans of all studies that can be read, in the ledger's order."""
        found = [pair for study in self.all_studies() for pair in study.only(Plan)]
        return sorted(found, key=lambda one: self.order.get(one[0].receipt, 0))

    def drawn_seeds(self) -> frozenset[int]:
        """Return the seeds that were drawn for plans and re-tests, and so selected by nobody."""
        found = set[int]()
        for study in self.all_studies():
            found.update(*(plan.seeds for _, plan in study.only(Plan) if plan.seeds_drawn))
            found.update(*(answer.seeds for _, answer in study.only(HoldoutAnswer)))
        return frozenset(found)

    def settings_like(self, sandbox: str, digest: str) -> set[Setting]:
        """Return the settings of a sandbox's scores that have this `setting_digest`.

        Reads one record of each setting, as the caches of records do not keep what a digest covers.
        """
        found = self.found(sandbox)
        example = {setting: place for place, setting in found.settings.items()}
        results = self.settings.workspace / results_of(sandbox)
        right = set[Setting]()
        for setting, place in example.items():
            try:
                spec = check_spec(read_record(f"{results}/{place}/{SCORE.file}")["spec"])
            except (FileNotFoundError, StorageFailed, BadRequest):
                continue  # deleted just now, or of another version
            if setting_digest(spec, setting.template, setting.evaluator) == digest:
                right.add(setting)
        return right


def setting_digest(spec: SandboxSpec, template: str = "", evaluator: str = "") -> str:
    """Return the digest of all that scores of one setting share, except their data.

    template, evaluator: digests of the code; default: of the code that is installed now.
    """
    content = spec.model_dump(mode="json")
    deciding = {name: content[name] for name in ("template", "dict_size", "subject", "corpus")}
    code = [template or template_sha256(), evaluator or evaluator_sha256()]
    return digest_of([deciding, deciding_values(content), *code])
