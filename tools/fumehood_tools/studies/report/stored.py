"""Read a stored report after its receipts were checked again."""

from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import UnknownName
from fumehood_tools.receipts import open_book, read_folder
from fumehood_tools.receipts.files import changed
from fumehood_tools.receipts.places import STATE
from fumehood_tools.receipts.signing import mac_of
from fumehood_tools.studies.entries import ReportWritten
from fumehood_tools.studies.notebook import StudyShelf
from fumehood_tools.studies.references.seeds import WITHDRAWN, Unsound
from fumehood_tools.studies.references.stating import Basis
from fumehood_tools.studies.report.checking import faults_of_report

RECORD = "report.json"


class StoredReport(NamedTuple):
    """A report whose receipts still say what it shows."""

    entry: int
    files: list[Path]


def checked_report(workspace: Path, study: str, number: int | None) -> StoredReport:
    """Return a report of a study; None for the newest.

    Raises UnknownName if there is none, Unsound if a receipt was changed, is gone, was put back or
    was replaced since: then it must be written again.
    """
    found = StudyShelf(workspace).read(study)
    reports = {entry.number: (entry, content) for entry, content in found.only(ReportWritten)}
    wanted = max(reports, default=0) if number is None else number
    if wanted not in reports:
        hint = " ".join(["Call write_report first.", *found.problems[:1]])
        name = str(wanted) if wanted else "of any entry"
        raise UnknownName("report", name, map(str, reports), hint)
    entry, content = reports[wanted]
    book = open_book(workspace / STATE)
    withdrawn = set(book.withdrawn(""))

    def look_up(place: str) -> Basis | None:
        if place in withdrawn:
            return Basis(place, WITHDRAWN, "", {})
        held = read_folder(workspace, place, book)
        if held is None or held.problem or changed(held.kind, held.record, workspace / place):
            return None
        return Basis(place, held.kind, mac_of(held.record), held.record)

    faults = faults_of_report(content, look_up)
    if faults:
        said = "\n".join(f"- {fault.text}" for fault in faults[:10])
        raise Unsound(f"Report {wanted} is not shown, since:\n{said}\nCall write_report again.")
    folder = workspace / entry.place
    files = sorted(path for path in folder.iterdir() if path.name != RECORD)
    return StoredReport(wanted, files)
