"""`fumehood study`: list and read studies, drive one unattended, copy its report, or export it.

`export` writes one archive that anyone can verify: `fumehood verify FILE.zip --key FILE.zip.pub`.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fumehood.driver import command as driver
from fumehood_tools.errors import BadRequest, StorageFailed

if TYPE_CHECKING:
    from fumehood_tools.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `fumehood study`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print the result as JSON")
    # Also accepted before the action; without a default here, so that it is not overwritten.
    as_json.add_argument("--workspace", metavar="DIR", default=argparse.SUPPRESS)
    actions.add_parser("list", parents=[as_json], help="list the studies of the workspace")
    read = actions.add_parser("read", parents=[as_json], help="print a study")
    read.add_argument("study", metavar="NAME")
    read.add_argument("--full", action="store_true", help="every entry, whole")
    read.add_argument("--search", metavar="WORDS", help="only entries with all of these words")
    report = actions.add_parser(
        "report", parents=[as_json], help="check a report again and copy it out"
    )
    report.add_argument("study", metavar="NAME")
    report.add_argument("--entry", type=int, metavar="N", help="its entry (default: the newest)")
    report.add_argument("--to", required=True, metavar="DIR", help="folder for its files")
    drive = actions.add_parser(
        "run", parents=[as_json], help="drive a study with the model of an endpoint"
    )
    driver.add_arguments(drive)
    export = actions.add_parser(
        "export", parents=[as_json], help="write an archive that a stranger verifies"
    )
    export.add_argument("study", metavar="NAME")
    export.add_argument("--to", required=True, metavar="FILE.zip", help="the archive")
    export.add_argument("--weights", action="store_true", help="include the weights of all SAEs")
    export.add_argument("--license", metavar="SPDX", help="license of text and data, as CC-BY-4.0")


def run(options: argparse.Namespace, settings: "Settings") -> int:
    """Run the command; return the exit code. Raises BadRequest, UnknownName, StorageFailed."""
    run_action = {
        "list": _list,
        "read": _read,
        "run": driver.run,
        "report": _report,
        "export": _export,
    }
    return run_action[options.action](options, settings)


def _list(options: argparse.Namespace, settings: "Settings") -> int:
    from fumehood_tools.studies.notebook import StudyShelf, study_names

    shelf = StudyShelf(settings.workspace)
    studies = [shelf.read(name) for name in study_names(settings.workspace)]
    if options.json:
        rows = [{"study": one.name, "entries": len(one.entries)} for one in studies]
        print(json.dumps(rows, indent=1))
        return 0
    for one in studies:
        print(f"{one.name}: {len(one.entries)} entries, {len(one.problems)} problems")
    if not studies:
        print("There is no study in this workspace.", file=sys.stderr)
    return 0


def _read(options: argparse.Namespace, settings: "Settings") -> int:
    from fumehood_tools.studies.notebook import StudyShelf
    from fumehood_tools.studies.view import Detail, page_of

    study = StudyShelf(settings.workspace).read(options.study)
    detail: Detail = "full" if options.full else "summary"
    pages = [page_of(study, detail, options.search)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(page_of(study, detail, options.search, cursor=cursor))
    if options.json:
        rows = [row for page in pages for row in page.entries]
        whole = pages[0].model_copy(update={"entries": rows, "next_cursor": None})
        print(whole.model_dump_json(indent=1))
    else:
        print("\n".join(page.text() for page in pages))
    return 1 if study.problems else 0


def _report(options: argparse.Namespace, settings: "Settings") -> int:
    from fumehood_tools.studies.report.stored import checked_report

    found = checked_report(settings.workspace, options.study, options.entry)
    to = Path(options.to)
    try:
        to.mkdir(parents=True, exist_ok=True)
        for path in found.files:
            shutil.copyfile(path, to / path.name)
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Writing the report to {to.name}") from error
    names = sorted(path.name for path in found.files)
    content = {"study": options.study, "entry": found.entry, "files": names}
    if options.json:
        print(json.dumps(content, indent=1, ensure_ascii=False))
        return 0
    print(f"report {found.entry} of {options.study}: {', '.join(names)} in {to}")
    return 0


def _export(options: argparse.Namespace, settings: "Settings") -> int:
    from fumehood_tools.studies.archive.checking import check_archive
    from fumehood_tools.studies.archive.writing import export_study

    to = Path(options.to)
    if to.suffix != ".zip":
        raise BadRequest(f"--to {options.to} does not end in .zip. Name the archive as FILE.zip.")
    license, weights = options.license, options.weights
    made = export_study(settings.workspace, options.study, to, weights=weights, license=license)
    # What a stranger will find is better known before the archive is handed on.
    wrong = check_archive(made.file, made.key).wrong
    if options.json:
        content = {**made._asdict(), "file": str(made.file), "key": str(made.key), "wrong": wrong}
        print(json.dumps(content, indent=1, ensure_ascii=False))
        return 1 if wrong else 0
    for line in wrong:
        print(f"wrong: {line}")
    print(
        f"exported {made.receipts} receipts and {made.files} files to {to}; ledger of {made.lines} "
        f"lines, head {made.head}\npublish {made.key.name} in a place that readers trust; they can "
        f"run: fumehood verify {to.name} --key {made.key.name}"
    )
    return 1 if wrong else 0
