"""Resolve references: find the records, check them, and state what they say.

A record counts if its signature is valid, the ledger has it at its place as the newest one, and
every file beside it is as it was signed. Made for one call; a record is checked once.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.receipts import read_folder
from fumehood_tools.studies.entries import (
    CONCLUSION,
    HOLDOUT,
    PLAN,
    Conclusion,
    Plan,
)
from fumehood_tools.studies.notebook import Entry, Study, StudyShelf
from fumehood_tools.studies.references.grammar import Reference, read_reference
from fumehood_tools.studies.references.quotes import Sources
from fumehood_tools.studies.references.registering import unforeseen
from fumehood_tools.studies.references.seeds import LabelScores, Unsound
from fumehood_tools.studies.references.stating import Basis, Stated, state

_CLAIMING = ("conclusion", "holdout")
_ENTRY_KINDS = {"conclusion": CONCLUSION, "holdout": HOLDOUT, "plan": PLAN}


class Resolved(NamedTuple):
    """A reference, what it says, and the records that it rests on (none for a quotation).

    basis: the records that `state` needs. behind: the scores that a cited claim rests on.
    """

    reference: Reference
    stated: Stated
    basis: tuple[Basis, ...] = ()
    behind: tuple[Basis, ...] = ()

    @property
    def receipts(self) -> dict[str, str]:
        """Place -> MAC of the receipts it rests on, withdrawn ones included."""
        return {one.place: one.receipt for one in (*self.basis, *self.behind)}


class Resolver:
    """Resolves the references of one study. Made for one call."""

    def __init__(
        self,
        workspace: Path,
        study: str,
        studies: StudyShelf,
        scores: Shelf,
        sources: Sources | None = None,
    ) -> None:
        """sources: for quotations. Raises UnknownName for a study that does not exist."""
        self.workspace = workspace
        self.study: Study = studies.read(study)
        self.book = studies.book()
        self.order: Mapping[str, int] = studies.receipts_in_order()
        self.labels = LabelScores(workspace, scores, self.book)
        self._sources = sources
        self._kept: dict[str, Resolved] = {}

    def resolve(self, text: str) -> Resolved:
        """Return what a reference says.

        Raises BadRequest, UnknownName with the closest names, or Unsound if a record that it rests
        on was changed, copied, put back, withdrawn, or is gone.
        """
        reference = read_reference(text)
        if reference.text not in self._kept:
            self._kept[reference.text] = self._resolve(reference)
        return self._kept[reference.text]

    def _resolve(self, reference: Reference) -> Resolved:
        if reference.kind in ("quote", "pack"):
            if self._sources is None:
                raise BadRequest("Quotations cannot be checked here. Cite a receipt or an entry.")
            return Resolved(reference, self._sources.find(reference))
        basis = self._basis(reference)
        stated = state(reference, basis)
        behind = self.behind(basis[0], reference.name) if reference.kind in _CLAIMING else []
        return Resolved(reference, stated, tuple(basis), tuple(behind))

    def behind(self, entry: Basis, variant: str = "") -> list[Basis]:
        """Return the scores that the claims of an entry rest on.

        variant: only the claim about it; "" for all. Raises Unsound if one of them was changed, is
        gone, was withdrawn, or was replaced after the entry was written.
        """
        claims = entry.record["claims"]
        places = [p for one in claims if variant in ("", one["variant"]) for p in one["receipts"]]
        found = []
        for place in dict.fromkeys(places):
            if place not in self.book.standing:
                continue
            score, concluded = self.labels.record(place), self.order.get(entry.receipt)
            written = self.order.get(score.receipt)
            if written is not None and concluded is not None and written > concluded:
                raise Unsound(
                    f"{place}: the score was replaced after {entry.place} was written. Call "
                    "judge_experiment again, and cite the new conclusion."
                )
            found.append(score)
        return found

    def _basis(self, reference: Reference) -> list[Basis]:
        if reference.kind in ("score", "mean", "sd"):
            return self.labels.basis(reference)
        if reference.kind == "study":
            self.refuse_unsound_entries()
            return [self.entry_basis(one) for one in self.study.entries if not one.problem]
        entry = self._entry(reference)
        if entry.kind == CONCLUSION:
            self._refuse_unforeseen(entry)
        return [self.entry_basis(entry)]

    def _entry(self, reference: Reference) -> Entry:
        """Return the entry that a reference names, of the kind that it names."""
        wanted = _ENTRY_KINDS.get(reference.kind)
        found = {str(one.number): one for one in self.study.entries}
        entry = found.get(str(reference.entry))
        if entry is not None and entry.problem:
            raise Unsound(f"{entry.place}: {entry.problem}. Run fumehood verify.")
        if entry is None or wanted not in (None, entry.kind):
            known = [n for n, one in found.items() if wanted in (None, one.kind)]
            hint = f"These are in the study {self.study.name}."
            raise UnknownName(wanted or "entry", str(reference.entry), known, hint)
        return entry

    def entry_basis(self, entry: Entry) -> Basis:
        """Return the record of a sound entry. Raises Unsound if it has changed meanwhile."""
        held = read_folder(self.workspace, entry.place, self.book)
        if held is None or held.problem is not None:
            why = held.problem.text if held and held.problem else "the entry is gone"
            raise Unsound(f"{entry.place}: {why}. Run fumehood verify.")
        return Basis(entry.place, entry.kind, entry.receipt, held.record)

    def refuse_unsound_entries(self) -> None:
        """Raise Unsound if an entry of the study was edited or is gone, and was not withdrawn."""
        withdrawn = set(
            self.book.withdrawn(self.study.folder.relative_to(self.workspace).as_posix())
        )
        for problem in self.study.problems:
            if problem.partition(":")[0] not in withdrawn:
                raise Unsound(f"{problem} Nothing is cited from the study until then.")

    def _refuse_unforeseen(self, entry: Entry) -> None:
        """Raise Unsound if a conclusion says it was registered, and its plan says otherwise."""
        content = entry.content
        assert isinstance(content, Conclusion)  # its kind says so
        if not content.registered:
            return
        planned, plan = self.study.entry(content.plan, Plan)
        why = unforeseen(content, plan, self.order.get(planned.receipt), self._written)
        if why:
            raise Unsound(
                f"entry {entry.number} says that plan {planned.number} foresaw it, but {why[0]}. "
                "Call judge_experiment again: it is exploratory."
            )

    def _written(self, place: str) -> int | None:
        """Return the position of the receipt that is at a place now; None if it has none."""
        line = self.book.standing.get(place)
        return None if line is None else self.order.get(line.receipt)
