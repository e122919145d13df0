"""`fumehood verify`: check that every stored score is as it was measured, and that none is missing.

Checks every receipt, every file that a receipt names, and the ledger; then scores a sample again.
Prints one line per finding with its place; the exit code is 1 if anything is wrong. With --export,
the valid receipts are written to a file that anyone can verify without the workspace:
`fumehood verify FILE --key FILE.pub`. The archive of a study (`fumehood study export`) is verified
in the same way.
"""

import argparse
import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from fumehood_tools.errors import BadRequest

if TYPE_CHECKING:
    from fumehood_tools.receipts.audit import Audit, Discrepancy, Sound
    from fumehood_tools.runs.rescore import RescoringPlace
    from fumehood_tools.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `fumehood verify`."""
    _add_file_arguments(parser)
    parser.add_argument("--sandbox", metavar="NAME", help="only this sandbox (default: all)")
    parser.add_argument(
        "--rescore",
        type=int,
        default=1,
        metavar="N",
        help="score N randomly drawn SAEs again (%(default)s; 0: none)",
    )
    _add_pod_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument(
        "--withdraw",
        metavar="PLACE",
        help="withdraw receipts: a whole place, <sandbox>/<variant>, or a sandbox; then stop",
    )


def _add_file_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="an export of receipts, or the archive of a study, to check instead of a workspace",
    )
    parser.add_argument(
        "--key",
        metavar="PUB",
        help="the public key of an export (a .pub file), from where its owner published it",
    )
    parser.add_argument(
        "--head",
        metavar="MAC",
        help="of an archive: the head of a ledger that it must continue, as in its newest report",
    )
    parser.add_argument(
        "--export",
        metavar="FILE",
        help="write the valid receipts to FILE, signed, and the public key to FILE.pub",
    )


def _add_pod_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--on-pod",
        metavar="GPU",
        help="score them again on a rented pod of this kind, instead of on this machine",
    )
    parser.add_argument(
        "--max-cost-usd", type=float, metavar="USD", help="with --on-pod: what it may cost at most"
    )
    parser.add_argument(
        "--hours", type=float, default=1.0, help="with --on-pod: the longest (%(default)s)"
    )


def run(options: argparse.Namespace, settings: "Settings") -> int:
    """Run the command; return the exit code. Raises BadRequest, UnknownName."""
    from fumehood_tools.receipts.audit import audit, withdraw
    from fumehood_tools.studies.archive.zips import is_zip
    from fumehood_tools.studies.report.checking import audit_reports

    if options.rescore < 0:
        raise BadRequest(f"--rescore {options.rescore} is negative. Pass 0 or more.")
    if options.file is not None and is_zip(options.file):
        return _check_archive(options, settings)
    if options.file is not None or options.key is not None:
        return _check_export(options)
    if options.withdraw is not None:
        for place in withdraw(settings.state, options.withdraw):
            print(f"withdrawn: {place}")
        return 0
    if options.sandbox is not None:
        from fumehood_tools.sandbox.create import open_sandbox

        open_sandbox(settings, options.sandbox)
    report, sound = audit(settings.workspace, options.sandbox)
    findings = [*report.findings, *audit_reports(report, sound)]
    report = report.model_copy(update={"findings": findings})
    report, rescored = _scored_again(settings, report, sound, options)
    print(_as_json(report, rescored) if options.json else _as_text(report, rescored))
    if options.export is not None:
        _export(settings, report, sound, options)
    return 0 if report.is_sound else 1


def _scored_again(
    settings: "Settings", report: "Audit", sound: list["Sound"], options: argparse.Namespace
) -> tuple["Audit", dict[str, float]]:
    """Score as many SAEs again as the options say, and where they say.

    As many results of sandboxes with their own evaluation are evaluated again, on this machine.
    Returns the report with the findings added, and place -> largest deviation as a share of the
    tolerance.
    """
    findings, rescored, most = [*report.findings], dict[str, float](), options.rescore
    scores = [record for record in sound if record.kind == "score"]
    if most and scores:
        from fumehood_tools.runs.rescore import rescore

        with _place(settings, options) as at:
            again = rescore(scores, settings, most, _say, at)
        findings += again.findings
        rescored |= {one.place: one.largest for one in again.rescored}
    if most and any(record.kind == "custom_score" for record in sound):
        from fumehood_tools.custom.rescoring import evaluate_again

        again = evaluate_again(sound, settings, most, _say)
        findings += again.findings
        rescored |= {one.place: one.largest for one in again.rescored}
    return report.model_copy(update={"findings": findings}), rescored


def _place(
    settings: "Settings", options: argparse.Namespace
) -> "AbstractContextManager[RescoringPlace]":
    """Return where SAEs are scored again. Raises BadRequest where a pod has no amount."""
    if options.on_pod is None:
        from fumehood_tools.runs.rescore import HERE

        return nullcontext(HERE)
    from fumehood_tools.pods.wanted import PodsWanted
    from fumehood_tools.runs.remote.rescoring_there import rescoring_there

    if options.max_cost_usd is None or not (options.max_cost_usd > 0 and 0 < options.hours <= 168):
        raise BadRequest(
            "--on-pod rents a pod. Say what it may cost with --max-cost-usd, more than 0, and for "
            "how long with --hours, up to 168."
        )
    limits = {"hours": options.hours, "max_cost_usd": options.max_cost_usd}
    return rescoring_there(settings, PodsWanted(gpus=(options.on_pod,), **limits))


def _export(
    settings: "Settings", report: "Audit", sound: list["Sound"], options: argparse.Namespace
) -> None:
    """Write the export. Raises BadRequest when anything in the workspace is wrong."""
    from fumehood_tools.receipts.export import export

    if not report.is_sound:
        raise BadRequest(
            "Nothing was exported because of the problems listed above. Fix or withdraw them first."
        )
    withdrawn = [found.place for found in report.findings if found.code == "withdrawn"]
    to = Path(options.export)
    made = export(settings.workspace, sound, withdrawn, to, options.sandbox)
    _say(
        f"exported {made.receipts} receipts to {to}, signed with key {made.key_id}\n"
        f"publish {made.public_key.name} in a place that readers trust; they can run: "
        f"fumehood verify {to.name} --key {made.public_key.name}"
    )


def _check_export(options: argparse.Namespace) -> int:
    """Check an export with a public key and print the result; return the exit code."""
    from fumehood_tools.receipts.export import check_export

    if options.file is None or options.key is None:
        raise BadRequest(
            "To check an export, name the file and its key: fumehood verify FILE --key FILE.pub"
        )
    checked = check_export(Path(options.file), Path(options.key))
    if options.json:
        content = {"sound": not checked.wrong, **checked._asdict()}
        print(json.dumps(content, indent=1, ensure_ascii=False))
        return 1 if checked.wrong else 0
    for wrong in checked.wrong:
        print(f"wrong: {wrong}")
    for place in checked.withdrawn:
        print(f"note: {place}: withdrawn by its owner before the export, so it is not in it")
    part = f", sandbox {checked.sandbox} only" if checked.sandbox else ""
    held = f"{len(checked.places)} receipts of workspace {checked.workspace}{part}"
    verdict = (
        _counted(len(checked.wrong))
        if checked.wrong
        else f"all signed with key {checked.key_id}, none is missing"
    )
    print(f"{held}, exported {checked.exported}: {verdict}")
    return 1 if checked.wrong else 0


def _check_archive(options: argparse.Namespace, settings: "Settings") -> int:
    """Check the archive of a study and print the result; return the exit code."""
    from fumehood_tools.studies.archive.checking import check_archive
    from fumehood_tools.studies.archive.rescoring import rescore_archive

    file, key = Path(options.file), Path(options.key) if options.key else None
    checked = check_archive(file, key, options.head)
    wrong, notes = list(checked.wrong), list(checked.notes)
    if options.rescore and not wrong:
        again = rescore_archive(file, checked, settings, options.rescore, _say)
        wrong += [found.line() for found in again.findings if found.level == "wrong"]
        notes += [f"{found.place}: {found.message}" for found in again.findings]
        notes += [f"{one.place}: scored again" for one in again.rescored if one.largest <= 1]
    if checked.own_key:
        notes.append(
            "the key came with the archive: it shows that nothing was changed since, not who signed"
        )
    if options.json:
        content = checked._replace(wrong=wrong, notes=notes)._asdict()
        del content["statements"]
        print(json.dumps({"sound": not wrong, **content}, indent=1, ensure_ascii=False))
        return 1 if wrong else 0
    for line in wrong:
        print(f"wrong: {line}")
    for line in notes:
        print(f"note: {line}")
    verdict = _counted(len(wrong)) if wrong else f"all signed with key {checked.key_id}"
    print(
        f"study {checked.study} of workspace {checked.workspace}, exported {checked.exported}: "
        f"{checked.receipts} receipts, ledger of {checked.lines} lines; {verdict}"
    )
    return 1 if wrong else 0


def _counted(problems: int) -> str:
    return f"{problems} problem{'' if problems == 1 else 's'} found"


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _as_json(report: "Audit", rescored: dict[str, float]) -> str:
    content = {**report.model_dump(mode="json"), "rescored": sorted(rescored)}
    return json.dumps({"sound": report.is_sound, **content}, indent=1, ensure_ascii=False)


def _as_text(report: "Audit", rescored: dict[str, float]) -> str:
    order = {"wrong": 0, "note": 1}
    findings: list[Discrepancy] = sorted(report.findings, key=lambda found: order[found.level])
    lines = [finding.line() for finding in findings]
    lines += [
        f"scored again: {place}: within {largest:.1%} of the tolerance"
        for place, largest in sorted(rescored.items())
        if largest <= 1
    ]
    wrong = sum(finding.level == "wrong" for finding in findings)
    others = [f"{number} of kind {kind}" for kind, number in report.others.items()]
    counts = [f"{report.scores} scores", f"{report.failures} failures", *others]
    held = f"{', '.join(counts[:-1])} and {counts[-1]} with a sound receipt"
    if report.workspace is None:
        return "\n".join([*lines, "nothing was signed in this workspace yet"])
    verdict = "all is as it was measured" if not wrong else _counted(wrong)
    return "\n".join([*lines, f"workspace {report.workspace}: {held}; {verdict}"])
