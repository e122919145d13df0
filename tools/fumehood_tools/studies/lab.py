"""What the work on a study reads: the workspace's settings, scores and notebooks.

A `Lab` is one moment of a workspace: it keeps what it read, so one call sees one state. Light.
"""

import functools
from collections.abc import Mapping
from pathlib import Path

from fumehood_tools.bench.collect import SandboxRecords, Setting
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.files import digest_of
from fumehood_tools.receipts.folders import Book
from fumehood_tools.receipts.places import SANDBOXES, results_of, run_of
from fumehood_tools.receipts.signing import read_record
from fumehood_tools.receipts.trials import read_trial
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.runs.code import evaluator_sha256, template_sha256
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec, check_spec, deciding_values
from fumehood_tools.studies.entries import Plan
from fumehood_tools.studies.notebook import Entry, StudyShelf, study_names

FILE_CHARACTERS = 16
"""Characters of a file's sha256 in a line of the ledger."""


class Lab:
    """The scores and studies of one workspace, as they were when they were first asked for."""

    def __init__(
        self,
        settings: Settings,
        records: Shelf | None = None,
        studies: StudyShelf | None = None,
        packaged: Mapping[str, str] | None = None,
    ) -> None:
        """packaged: name -> sha256 of the files that count as baselines."""
        self.settings = settings
        self.records = records or Shelf(settings.state)
        self.studies = studies or StudyShelf(settings.workspace)
        self.packaged = packaged_variants() if packaged is None else packaged
        self._found: dict[str, SandboxRecords] = {}
        self._seeds: dict[str, set[tuple[str, int]]] = {}

    @functools.cached_property
    def book(self) -> Book:
        """The whole ledger."""
        return self.studies.book()

    @functools.cached_property
    def order(self) -> Mapping[str, int]:
        """MAC of a receipt -> its position in the ledger."""
        return {mac: at for at, mac in enumerate(self.book.places)}

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

    def found(self, sandbox: str) -> SandboxRecords:
        """Return the records of a sandbox; none if it does not exist."""
        if sandbox not in self._found:
            self._found[sandbox] = self.records.collect(self.folder(sandbox) / "results")
        return self._found[sandbox]

    def sandboxes(self) -> list[str]:
        """Return the names of all sandboxes that have, or once had, a record."""
        return sorted(self.records.sandboxes())

    def scored_seeds(self, sandbox: str) -> set[tuple[str, int]]:
        """Return (beginning of a file's sha256 and settings, seed) of all scores ever written.

        Records that were deleted or withdrawn since are in it, as somebody may have read them.
        """
        if sandbox not in self._seeds:
            found = self.found(sandbox)
            self._seeds[sandbox] = {
                (_key(trial.file, trial.settings), int(seed))
                for place, words in found.tried.items()
                for word in words
                if (trial := read_trial(word)).settings
                and (seed := run_of(place)[1].partition("-")[0].removeprefix("seed")).isdigit()
            } | {
                (_key(score.file_version, score.provenance.settings_digest), score.seed)
                for score in found.scores.values()
                if score.control is None
            }
        return self._seeds[sandbox]

    def seen_seeds(self, file_sha256: str, settings_digest: str) -> set[int]:
        """Return the seeds that a file was ever scored with in a setting, in any sandbox.

        settings_digest: of training, scoring and budgets, as scores state it.
        """
        wanted = _key(file_sha256, settings_digest)
        return {
            seed
            for sandbox in self.sandboxes()
            for file, seed in self.scored_seeds(sandbox)
            if file == wanted
        }

    def all_plans(self) -> list[tuple[Entry, Plan]]:
        """Return the sound plans of all studies that can be read, in the ledger's order."""
        found = []
        for name in study_names(self.settings.workspace):
            try:
                found += self.studies.read(name).only(Plan)
            except (BadRequest, UnknownName):
                continue  # its first entry was edited: then `read_study` says so
        return sorted(found, key=lambda one: self.order.get(one[0].receipt, 0))

    def settings_like(self, sandbox: str, digest: str) -> set[Setting]:
        """Return the settings of a sandbox's scores that have this `setting_digest`.

        Reads one record of each setting, as the caches of records do not keep what a digest covers.
        """
        found = self.found(sandbox)
        example = {setting: place for place, setting in found.settings.items()}
        results = self.settings.workspace / results_of(sandbox)
        right = set[Setting]()
        for setting, place in example.items():
            spec = check_spec(read_record(f"{results}/{place}/{SCORE.file}")["spec"])
            if setting_digest(spec, setting.template, setting.evaluator) == digest:
                right.add(setting)
        return right


def _key(file: str, settings: str) -> str:
    return f"{file[:FILE_CHARACTERS]}/{settings[:8]}"


def setting_digest(spec: SandboxSpec, template: str = "", evaluator: str = "") -> str:
    """Return the digest of all that scores of one setting share, except their data.

    template, evaluator: digests of the code; default: of the code that is installed now.
    """
    content = spec.model_dump(mode="json")
    deciding = {name: content[name] for name in ("template", "dict_size", "subject", "corpus")}
    code = [template or template_sha256(), evaluator or evaluator_sha256()]
    return digest_of([deciding, deciding_values(content), *code])
