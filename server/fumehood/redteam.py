"""`fumehood redteam`: run every known cheat through the real pipeline and report what caught it.

Prints one line per variant as it ends, and the counts on the last line. The exit code is 1 if a
cheat was not caught, an honest variant was refused, or the evaluator was damaged. Works in a
temporary folder.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import NamedTuple, get_args

from fumehood_tools.errors import BadRequest
from fumehood_tools.glass import available_levels
from fumehood_tools.kinds import KindName
from fumehood_tools.redteam import (
    Case,
    CaseResult,
    EvaluationCase,
    Report,
    joined,
    load_cases,
    load_evaluations,
    run_evaluations,
    run_redteam,
    table,
)
from fumehood_tools.redteam.report import last_lines, line
from fumehood_tools.settings import GlassAsked, Settings

KINDS: dict[str, tuple[KindName, ...]] = {
    "all": ("sae", "transcoder"),
    "saes": ("sae",),
    "transcoders": ("transcoder",),
    "evaluations": (),
}
BEGIN, END = "<!-- redteam: begin -->", "<!-- redteam: end -->"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `fumehood redteam`."""
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--level", choices=get_args(GlassAsked), default="auto", help="isolation (%(default)s)"
    )
    level.add_argument(
        "--levels", action="store_true", help="all levels of this machine, one after another"
    )
    parser.add_argument("--kind", choices=KINDS, default="all", help="which cheats (%(default)s)")
    parser.add_argument(
        "--only", default="*", metavar="PATTERN", help="names or families, e.g. 'stash*,net_tcp'"
    )
    parser.add_argument("--fast", action="store_true", help="run a subset (about a minute)")
    parser.add_argument("--json", action="store_true", help="print all results as JSON")
    parser.add_argument(
        "--table",
        type=Path,
        metavar="FILE",
        help="write a markdown table to FILE (between its marks, if the file exists)",
    )


def run(options: argparse.Namespace, _: Settings) -> int:
    """Run the suite with these options; return the exit code."""
    chosen = _chosen(options)
    reports = [_run(chosen, level, options.json) for level in _levels(options)]
    if options.json:
        print(json.dumps([report.model_dump(mode="json") for report in reports], indent=1))
    else:
        print("\n".join(last_lines(reports)))
    if options.table is not None:
        _write_table(options.table, table(reports))
    return 0 if all(report.is_clean for report in reports) else 1


class _Chosen(NamedTuple):
    """What is run: variants, and evaluations."""

    variants: list[Case]
    evaluations: list[EvaluationCase]


def _chosen(options: argparse.Namespace) -> _Chosen:
    """Return what the options name. Raises BadRequest if it is nothing."""
    kinds, pattern, fast = KINDS[options.kind], options.only, options.fast
    with_evaluations = options.kind in ("all", "evaluations")
    found = _Chosen(
        load_cases(pattern, fast=fast, kinds=kinds),
        load_evaluations(pattern, fast=fast) if with_evaluations else [],
    )
    if not any(found):
        raise BadRequest(
            f"No variant of the red team matches {pattern!r} in --kind {options.kind}. Try "
            "'stash*', 'transcoder/skip*', 'evaluation/told*' or 'honest'."
        )
    return found


def _run(chosen: _Chosen, level: GlassAsked, quiet: bool) -> Report:
    out, reports = sys.stderr if quiet else sys.stdout, list[Report]()

    def show(outcome: CaseResult) -> None:
        print(line(outcome), file=out, flush=True)

    if chosen.variants:
        reports.append(run_redteam(chosen.variants, level, show))
    if chosen.evaluations:
        reports.append(run_evaluations(chosen.evaluations, level, show))
    return joined(reports)


def _levels(options: argparse.Namespace) -> list[GlassAsked]:
    if not options.levels:
        return [options.level]
    return list(available_levels())


def _write_table(path: Path, text: str) -> None:
    """Write the table between the marks of an existing file, or to a new file with marks."""
    try:
        held = path.read_text(encoding="utf-8") if path.exists() else f"{BEGIN}\n{END}\n"
        head, begin, rest = held.partition(BEGIN)
        _, end, tail = rest.partition(END)
        if not begin or not end:
            raise BadRequest(
                f"{path} has no lines {BEGIN} and {END}. Add them, or name a new file."
            )
        path.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}", encoding="utf-8")
    except OSError as error:
        raise BadRequest(
            f"{path} cannot be written: {error.strerror}. Name another file."
        ) from error
