"""Whether the receipts of a report still say what it shows.

The numbers are computed again from the records, with the functions that stated them when the report
was written. Used by `fumehood verify` on a workspace, on an export, and before a report is shown
again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from fumehood_tools.errors import FumehoodError
from fumehood_tools.receipts.audit import Audit, Discrepancy, Sound
from fumehood_tools.receipts.signing import mac_of
from fumehood_tools.studies.entries import REPORT, ReportWritten
from fumehood_tools.studies.references.grammar import read_reference
from fumehood_tools.studies.references.seeds import WITHDRAWN
from fumehood_tools.studies.references.stating import RESTS_ON_RECORDS, Basis, state

Lookup = Callable[[str], Basis | None]
"""Returns the record at a place if it is sound; a basis of kind "withdrawn" for a withdrawn one."""


class ReportFault(NamedTuple):
    """What is wrong with a report. outdated: its receipts were replaced or withdrawn since, which
    is no tampering."""

    outdated: bool
    text: str


def faults_of_report(content: ReportWritten, look_up: Lookup) -> list[ReportFault]:
    """Return what a report shows that its receipts do not say."""
    moved = [fault for place in content.receipts if (fault := _moved(content, place, look_up))]
    differing = []
    for text, shown in content.references.items():
        places = content.basis.get(text, [])
        basis = [found for place in places if (found := look_up(place)) is not None]
        if len(basis) == len(places) and all(_is_same(content, one) for one in basis):
            differing += _differs(text, shown, basis)
    return [*moved, *differing]


def _is_same(content: ReportWritten, one: Basis) -> bool:
    """Return whether a receipt is the one of the report, or was withdrawn (then or since)."""
    return one.kind == WITHDRAWN or one.receipt == content.receipts.get(one.place)


def _moved(content: ReportWritten, place: str, look_up: Lookup) -> ReportFault | None:
    found = look_up(place)
    if found is None:
        return ReportFault(False, f"it rests on {place}, whose receipt is gone or was changed")
    if found.kind == WITHDRAWN:
        return ReportFault(True, f"it rests on the receipt of {place}, which was withdrawn since")
    if found.receipt != content.receipts[place]:
        return ReportFault(True, f"it rests on a receipt of {place} that was replaced since")
    return None


def _differs(text: str, shown: str, basis: Sequence[Basis]) -> list[ReportFault]:
    """Return the fault if a reference does not say what the report shows."""
    try:
        reference = read_reference(text)
        if reference.kind not in RESTS_ON_RECORDS:
            return []
        if not basis:
            return [ReportFault(False, f"{text} shows {shown!r} without any receipt")]
        said = state(reference, basis).shown
    except (FumehoodError, ValidationError, KeyError) as error:
        said = f"nothing ({error})"
    if said == shown:
        return []
    outdated = any(one.kind == WITHDRAWN for one in basis)
    return [ReportFault(outdated, f"{text} shows {shown!r}, but its receipts say {said!r}")]


def audit_reports(report: Audit, sound: Sequence[Sound]) -> list[Discrepancy]:
    """Return the findings about all reports of a workspace that was audited."""
    look_up = lookup_of(sound, withdrawn_of(report))
    found = []
    for one in sound:
        if one.kind != REPORT:
            continue
        for fault in faults_of_report(ReportWritten.model_validate(one.record), look_up):
            code = "report_outdated" if fault.outdated else "report_differs"
            level = "note" if fault.outdated else "wrong"
            how = {"place": one.place, "level": level, "code": code, "message": fault.text}
            found.append(Discrepancy.model_validate(how))
    return found


def withdrawn_of(report: Audit) -> set[str]:
    """Return the places that were withdrawn, from the findings of an audit."""
    return {one.place for one in report.findings if one.code == WITHDRAWN}


def lookup_of(sound: Sequence[Sound], withdrawn: set[str]) -> Lookup:
    """Return the records of an audit by place; those that were withdrawn have no MAC."""
    records: Mapping[str, Sound] = {one.place: one for one in sound}

    def look_up(place: str) -> Basis | None:
        if place in records:
            one = records[place]
            return Basis(place, one.kind, mac_of(one.record), one.record)
        return Basis(place, WITHDRAWN, "", {}) if place in withdrawn else None

    return look_up
