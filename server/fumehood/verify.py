"""`fumehood verify`: is every stored number the one that was measured, and is none missing?

Checks every receipt, every file a receipt names and the ledger, then scores a sample again. Prints
one line per finding, naming the place; exit code 1 when anything is wrong.
"""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from fumehood_tools.errors import BadRequest

if TYPE_CHECKING:
    from fumehood_tools.receipts.audit import Audit, Discrepancy
    from fumehood_tools.settings import Settings


def add_verify(commands: Any, parents: list[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the subcommand and return it; the caller sets what runs it."""
    verify: argparse.ArgumentParser = commands.add_parser(
        "verify", parents=parents, help="check that every stored score is as it was measured"
    )
    verify.add_argument("--sandbox", metavar="NAME", help="this one only (default: all)")
    verify.add_argument(
        "--rescore",
        type=int,
        default=1,
        metavar="N",
        help="score N stored SAEs again, drawn by chance (%(default)s; 0: none)",
    )
    verify.add_argument("--json", action="store_true", help="the findings, as JSON")
    verify.add_argument(
        "--withdraw",
        metavar="PLACE",
        help="give up receipts: a whole place, <sandbox>/<variant>, or a sandbox; then stop",
    )
    return verify


def run_verify(settings: "Settings", options: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit code. Raises BadRequest, UnknownName."""
    from fumehood_tools.receipts.audit import audit, withdraw

    if options.rescore < 0:
        raise BadRequest(f"--rescore {options.rescore}: must be 0 or more.")
    if options.withdraw is not None:
        for place in withdraw(settings.state, options.withdraw):
            print(f"withdrawn: {place}")
        return 0
    if options.sandbox is not None:
        from fumehood_tools.sandbox.create import open_sandbox

        open_sandbox(settings, options.sandbox)
    report, sound = audit(settings.workspace, options.sandbox)
    rescored: dict[str, float] = {}
    findings = list(report.findings)
    scores = [record for record in sound if record.kind == "score"]
    if options.rescore and scores:
        from fumehood_tools.runs.rescore import rescore

        again = rescore(scores, settings, options.rescore, _say)
        findings += again.findings
        rescored = {one.place: one.largest for one in again.rescored}
    report = report.model_copy(update={"findings": findings})
    print(_as_json(report, rescored) if options.json else _as_text(report, rescored))
    return 0 if report.is_sound else 1


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
    verdict = "all is as it was measured" if not wrong else f"{wrong} findings are wrong"
    return "\n".join([*lines, f"workspace {report.workspace}: {held}; {verdict}"])
