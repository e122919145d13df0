"""`fumehood guides`: list, read and check guides, and export them as Agent Skills.

The same functions as the tools list_guides, read_guide and check_guide. `check` runs in this
process, one guide after the other, and stops when it is interrupted. The exit code is 1 if a block
of a checked guide fails, or if a guide is left out of an export.
"""

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fumehood_tools.errors import BadRequest, FumehoodError

if TYPE_CHECKING:
    from fumehood_tools.guides.report import Checked
    from fumehood_tools.settings import Settings

SECONDS = (1.0, 1_800.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `fumehood guides`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add(actions, "list", "show all guides, and whether they still hold")
    read = _add(actions, "read", "print what a guide contains, or one of its tasks")
    read.add_argument("guide", metavar="GUIDE", help="a name from `fumehood guides list`")
    read.add_argument("task", nargs="?", metavar="TASK", help="one task of the guide")
    check = _add(actions, "check", "run every Python block of guides or other Markdown files")
    check.add_argument(
        "guides", nargs="+", metavar="GUIDE", help="a name, a .md file or the folder of a skill"
    )
    check.add_argument(
        "--environment",
        default="",
        metavar="NAME",
        help="ours, a guide's environment, or the folder of a virtual environment",
    )
    check.add_argument(
        "--block-seconds",
        type=float,
        default=120.0,
        metavar="S",
        help="limit for each block (%(default)g)",
    )
    check.add_argument("--sarif", action="store_true", help="also write SARIF 2.1.0 into guides/")
    check.add_argument("--rerun", action="store_true", help="ignore results that were kept")
    export = _add(actions, "export", "write the guides that pass as folders of Agent Skills")
    export.add_argument("folder", type=Path, metavar="FOLDER", help="where to write them")
    export.add_argument(
        "--only", action="append", default=[], metavar="GUIDE", help="one guide; may be repeated"
    )


def _add(actions: Any, name: str, said: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=said, description=said)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    # The two options of all commands are accepted before the action and after it.
    parser.add_argument("--workspace", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.add_argument(
        "--offline", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    return parser


def run(options: argparse.Namespace, settings: "Settings") -> int:
    """Run the command; return the exit code. Raises FumehoodError."""
    actions = {"list": _list, "read": _read, "check": _check, "export": _export}
    return actions[options.action](options, settings)


def _list(options: argparse.Namespace, settings: "Settings") -> int:
    from fumehood_tools.guides.view import GuideReader, row_of

    rows = [row_of(one) for one in GuideReader(settings).all()]
    if options.json:
        print(_json([row.model_dump(mode="json") for row in rows]))
    else:
        print("\n".join(row.row() for row in rows))
    return 0


def _read(options: argparse.Namespace, settings: "Settings") -> int:
    from fumehood_tools.guides.view import GuideReader

    found = GuideReader(settings).read(options.guide, options.task)
    print(_json(found.model_dump(mode="json")) if options.json else found.text())
    return 0


def _check(options: argparse.Namespace, settings: "Settings") -> int:
    from fumehood_tools.settings import check_workspace

    check_workspace(settings.workspace)
    if not SECONDS[0] <= options.block_seconds <= SECONDS[1]:
        raise BadRequest(
            f"--block-seconds {options.block_seconds:g} is not between {SECONDS[0]:g} and "
            f"{SECONDS[1]:g}."
        )
    results, failed = [], 0
    wanted = _with_files_of_skills(options.guides, settings)
    for guide in wanted:
        try:
            checked, written = _checked(guide, options, settings)
        except FumehoodError as error:
            if len(wanted) == 1:
                raise
            print(f"fumehood: {guide}: {error.code}: {error}", file=sys.stderr)
            results.append({"guide": guide, "passes": False, "error": f"{error.code}: {error}"})
            failed += 1
            continue
        results.append({**_content(checked), "sarif": written})
        failed += not checked.passes
        if not options.json:
            print(_text(checked, written), flush=True)
    if options.json:
        print(_json(results))
    return 1 if failed else 0


def _with_files_of_skills(guides: list[str], settings: "Settings") -> list[str]:
    """Return the guides, and after a skill its other files that have Python blocks."""
    from fumehood_tools.guides.request import other_files

    found: dict[str, None] = {}
    for guide in guides:
        found[guide] = None
        with contextlib.suppress(FumehoodError):
            found |= dict.fromkeys(other_files(guide, settings))
    return list(found)


def _checked(
    guide: str, options: argparse.Namespace, settings: "Settings"
) -> tuple["Checked", str]:
    """Return the result of a check, and the path of its SARIF file ("" if none was asked for)."""
    from fumehood_tools.guides.changes import changes_from_index
    from fumehood_tools.guides.request import CheckRequest
    from fumehood_tools.guides.run_check import check_guide, kept_check, write_sarif

    request = CheckRequest(
        guide=guide, environment=options.environment, block_seconds=options.block_seconds
    )
    checked = None if options.rerun else kept_check(request, settings)
    if checked is None:
        checked = check_guide(request, settings, _progress(guide), changes_from_index(settings))
    return checked, write_sarif(checked, settings) if options.sarif else ""


def _progress(guide: str) -> Any:
    def report(done: int, total: int) -> None:
        print(f"{guide}: {done} of {total} blocks", file=sys.stderr, flush=True)

    return report


def _content(checked: "Checked") -> dict[str, Any]:
    counted = {"passes": checked.passes, "stale": checked.stale, "counts": checked.counts}
    return {**checked.model_dump(mode="json"), **counted}


def _text(checked: "Checked", written: str) -> str:
    from fumehood_tools.guides.view import check_page

    page = check_page(checked, 1, None, written)
    blocks = sorted(checked.blocks, key=lambda it: (it.is_good, it.number))
    return page.model_copy(update={"blocks": blocks, "next_cursor": None}).text()


def _export(options: argparse.Namespace, settings: "Settings") -> int:
    from fumehood_tools.guides.skills import skills_of, write_skills
    from fumehood_tools.guides.view import GuideReader

    reader = GuideReader(settings)
    found = skills_of([reader.find(name) for name in options.only] or reader.all())
    written = [str(folder) for folder in write_skills(found.skills, options.folder)]
    if options.json:
        print(_json({"written": written, "left_out": dict(found.left_out)}))
    else:
        print("\n".join(f"written: {folder}" for folder in written))
    for name, why in found.left_out.items():
        print(f"left out: {name}: {why}", file=sys.stderr)
    return 1 if found.left_out else 0


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False)
