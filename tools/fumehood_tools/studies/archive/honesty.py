"""What the receipts of an archive say about its claims, whoever signed it.

An owner can sign what he likes. These checks name what then contradicts itself: a planned seed
without a receipt, a claim without its scores, a conclusion that calls itself registered although
its scores came before its plan, a removed entry, a report that shows other numbers, or one that
was rendered from a newer ledger.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fumehood_tools.custom.scored import KIND as OWN_SCORE
from fumehood_tools.receipts.export import Statement
from fumehood_tools.receipts.files import named_files
from fumehood_tools.studies.archive.writing import RUNS, source_name
from fumehood_tools.studies.entries import (
    CONCLUSION,
    HOLDOUT,
    KINDS,
    MODELS,
    PLAN,
    REPORT,
    Claim,
    Conclusion,
    HoldoutAnswer,
    Plan,
    PlannedVariant,
    ReportWritten,
)
from fumehood_tools.studies.references.registering import unforeseen, variant_of
from fumehood_tools.studies.references.seeds import WITHDRAWN
from fumehood_tools.studies.references.stating import FAILURE, SCORE, Basis
from fumehood_tools.studies.report.checking import faults_of_report

_ENTRY = re.compile(r"studies/([^/]+)/entries/(\d{4})-([a-z]+)")
_DECIDED = ("supported", "refuted")


class Evidence(NamedTuple):
    """A verified archive: receipts, what was withdrawn, the ledger, and digests of its files."""

    study: str
    statements: list[Statement]
    withdrawn: set[str]
    ledger: Mapping[str, Any]
    digests: Mapping[str, str]


class _Receipt(NamedTuple):
    """One receipt. number: of the entry; 0 for runs. line: in the ledger, from 1."""

    place: str
    kind: str
    mac: str
    record: Mapping[str, Any]
    number: int
    line: int


def dishonesties(evidence: Evidence) -> list[str]:
    """Return what contradicts itself in an archive whose signatures are valid."""
    try:
        return list(_Checker(evidence).faults())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        first = str(error).splitlines()[0]
        return [f"a receipt is not of a form that this version knows ({first})."]


class _Checker:
    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._receipts = {one.place: one for one in map(self._receipt, evidence.statements)}
        entries = [one for one in self._receipts.values() if one.number]
        self._entries = {one.number: one for one in entries}

    def faults(self) -> Iterator[str]:
        """Yield every contradiction."""
        seen = set[str]()
        for place in (str(one.content["predicate"]["place"]) for one in self._evidence.statements):
            if place in seen:
                yield f"two receipts are about {place}: only the newest one counts."
            seen.add(place)
        yield from self._removed_entries()
        yield from self._files()
        for number in sorted(self._entries):
            one = self._entries[number]
            if one.kind == CONCLUSION:
                yield from self._conclusion(one, Conclusion.model_validate(one.record))
            elif one.kind == HOLDOUT:
                answer = HoldoutAnswer.model_validate(one.record)
                yield from self._claims(one, answer.claims)
            elif one.kind == REPORT:
                yield from self._report(one, ReportWritten.model_validate(one.record))
            else:
                MODELS[one.kind].model_validate(one.record)

    def _receipt(self, one: Statement) -> _Receipt:
        about, record = one.content["predicate"], one.record
        mac, place = str(record["receipt"]["mac"]), str(about["place"])
        entry = _ENTRY.fullmatch(place)
        own = entry is not None and entry[1] == self._evidence.study and entry[3] in KINDS
        number = int(entry[2]) if entry and own else 0
        line = int(self._evidence.ledger["order"][mac])
        return _Receipt(place, str(about["kind"]), mac, record, number, line)

    def _removed_entries(self) -> Iterator[str]:
        """Yield the entries that are missing: numbers are given once and without gaps."""
        gone = {int(found[2]) for p in self._evidence.withdrawn if (found := _ENTRY.fullmatch(p))}
        for number in range(1, max(self._entries, default=0) + 1):
            if number not in self._entries and number not in gone:
                yield f"entry {number} of the study was removed: its receipt is missing."
        in_order = sorted(self._entries.values(), key=lambda one: one.number)
        for before, after in zip(in_order, in_order[1:], strict=False):
            if after.line < before.line:
                yield f"{after.place} is in the ledger before {before.place}: they were swapped."

    def _files(self) -> Iterator[str]:
        """Yield receipts and files that are not where, or what, the receipts say."""
        for one in self._receipts.values():
            own_place = one.record["receipt"].get("place", one.place)
            if own_place != one.place:
                yield f"the receipt of {one.place} was written for {own_place}."
            listed = {file.name: file.sha256 for file in named_files(one.kind, one.record)}
            if one.number and one.kind in (PLAN, REPORT):
                wanted = {f"{one.kind}s/{one.number:04d}/{n}": sha for n, sha in listed.items()}
            elif one.kind in RUNS:
                own = f"{one.record['variant']}.py"
                wanted = {source_name(one.kind, one.record): listed[own]}
            else:
                continue
            for name, sha256 in wanted.items():
                if self._evidence.digests.get(name) != sha256:
                    yield f"{name} is not the file that the receipt of {one.place} lists."

    def _conclusion(self, one: _Receipt, content: Conclusion) -> Iterator[str]:
        yield from self._claims(one, content.claims)
        planned = self._entries.get(content.plan)
        if planned is None or planned.kind != PLAN:
            if content.registered:
                yield f"{one.place} says it was registered, but plan {content.plan} is not there."
            return
        if not content.registered:
            return
        plan = Plan.model_validate(planned.record)
        why = unforeseen(content, plan, planned.line, self._line)
        if one.line < planned.line:
            why.append("the ledger has it before the plan")
        if why:
            yield f"{one.place} says it was registered, but it is exploratory: {why[0]}."
        yield from self._planned_seeds(one, content, plan)

    def _claims(self, one: _Receipt, claims: list[Claim]) -> Iterator[str]:
        for claim in claims:
            for place in claim.receipts:
                if why := self._lost(place, one.line):
                    yield f"{one.place}: {claim.variant} rests on {place}, which {why}."

    def _lost(self, place: str, line: int) -> str:
        """Return why a score is no evidence for what was written at a line; "" if it is."""
        if place in self._evidence.withdrawn:
            return "was withdrawn"
        if place not in self._receipts:
            return "has no receipt"
        return "was replaced since" if self._receipts[place].line > line else ""

    def _planned_seeds(self, one: _Receipt, content: Conclusion, plan: Plan) -> Iterator[str]:
        """Yield the planned seeds that a decided claim left out, or that have no receipt."""
        decided = [claim for claim in content.claims if claim.verdict in _DECIDED]
        if not decided:
            return
        wanted = {variant.name: variant for variant in (*plan.variants, plan.baseline)}
        claimed = {variant_of(claim.variant): claim for claim in decided}
        for name, variant in wanted.items():
            if name not in claimed and variant != plan.baseline:
                continue
            scored = self._seeds(plan, variant, SCORE if plan.own is None else OWN_SCORE)
            failed = self._seeds(plan, variant, FAILURE)
            for seed in plan.seeds:
                if seed not in scored | failed:
                    yield f"{one.place}: the planned seed {seed} of {name} has no receipt."
                elif name in claimed and seed in scored and seed not in claimed[name].seeds:
                    yield f"{one.place}: the claim about {name} leaves out the planned seed {seed}."

    def _seeds(self, plan: Plan, variant: PlannedVariant, kind: str) -> set[int]:
        """Return the seeds of a planned file that were scored, or failed, in the plan's sandbox."""
        under = f"sandboxes/{plan.sandbox}/results/{variant.name}/"
        return {
            int(one.record["seed"])
            for place, one in self._receipts.items()
            if one.kind == kind
            and place.startswith(under)
            and variant.file_sha256 in _versions(one.record)
        }

    def _report(self, one: _Receipt, content: ReportWritten) -> Iterator[str]:
        for fault in faults_of_report(content, self._look_up):
            yield f"{one.place}: {fault.text}."
        macs, lines = self._evidence.ledger["macs"], content.ledger_lines
        if not 0 < lines <= len(macs) or macs[lines - 1] != content.ledger_head:
            yield (
                f"{one.place} was rendered from a ledger of {lines} lines that this one does not "
                "continue: an old copy of the ledger was put back."
            )

    def _look_up(self, place: str) -> Basis | None:
        if place in self._receipts:
            one = self._receipts[place]
            return Basis(place, one.kind, one.mac, one.record)
        return Basis(place, WITHDRAWN, "", {}) if place in self._evidence.withdrawn else None

    def _line(self, place: str) -> int | None:
        found = self._receipts.get(place)
        return None if found is None else found.line


def _versions(record: Mapping[str, Any]) -> set[str]:
    """Return the digests by which a record names its variant's file."""
    about = record.get("provenance") or record
    found = (record.get("file_sha256"), about.get("variant_sha256"))
    return {str(sha256) for sha256 in found if sha256}
