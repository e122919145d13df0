"""Requirements 2.2, 3, 4.1 and part of 5.1: what the files are, found by reading them."""

import re
from collections.abc import Iterator
from pathlib import Path

from fumehood_tools.errors import FumehoodError
from fumehood_tools.kinds import Kind, template_folder
from fumehood_tools.proving.folder import RESULTS, VARIANTS, SandboxFolder
from fumehood_tools.proving.manifest import unreadable
from fumehood_tools.proving.report import Fault, Result, judged
from fumehood_tools.receipts import open_book, place_of, read_folder
from fumehood_tools.sandbox.check import check_static
from fumehood_tools.sandbox.create import VARIANT_NAME, changed_core
from fumehood_tools.sandbox.declarations import declares_no_training
from fumehood_tools.settings import Settings

MOST_NAMED = 10
_DRAWN = re.compile(r"results/(plots/[^/]+\.(png|svg|csv)|page/index\.html)")
"""What plot_benchmarks draws from the records. No score is read from these files."""


def judge_files(folder: SandboxFolder, kind: Kind | None, settings: Settings) -> list[Result]:
    """Return the results of these requirements. kind: None if it is not known."""
    changed = [
        Fault(why="It is not the packaged file.", file=path) for path in changed_core(folder.root)
    ]
    return [
        unreadable("2.2") if kind is None else judged("2.2", _variant_faults(folder, kind)),
        judged("3.1", changed[:MOST_NAMED]),
        judged("3.2", folder.odd[:MOST_NAMED]),
        judged("3.3", foreign_results(folder, settings)),
        unreadable("4.1") if kind is None else _baselines(folder, kind),
        *([] if kind is None else _no_control(folder, kind)),
    ]


def _variant_faults(folder: SandboxFolder, kind: Kind) -> Iterator[Fault]:
    """Yield what is wrong with the files in variants/, at most one fault per file."""
    names = folder.variants()
    for path in folder.under(VARIANTS):
        if path.removeprefix(f"{VARIANTS}/").removesuffix(".py") not in names:
            yield Fault(why="It is not a variant: only <name>.py may be here.", file=path)
    for name in names:
        path = f"{VARIANTS}/{name}.py"
        if not VARIANT_NAME.fullmatch(name):
            yield Fault(why="Its name may have only letters, digits, - and _.", file=path)
            continue
        try:
            found = check_static(folder.read(path), name, kind)
        except FumehoodError as error:
            yield Fault(why=str(error), file=path)
            continue
        # An import that a check only warns of is one that another machine may not have.
        bad = (one for one in found if one.severity == "error" or one.rule == "import")
        first = next(bad, None)
        if first is not None:
            why = f"{first.message} Instead: {first.instead}"
            yield Fault(why=why, file=path, line=first.line)


def foreign_results(folder: SandboxFolder, settings: Settings) -> Iterator[Fault]:
    """Yield the files in results/ that belong to no valid record of this workspace."""
    if not folder.results:
        return
    book = open_book(settings.state)
    valid: dict[Path, str] = {}
    told = set[str]()
    for path in folder.results:
        if any(part.startswith(".") for part in path.split("/")):
            continue  # being written, or left by a process that was killed
        if _DRAWN.fullmatch(path):
            continue
        home = folder.root / Path(path).parent
        if home not in valid:
            place = place_of(home, settings.workspace)
            held = read_folder(settings.workspace, place, book)
            usable = held is not None and (held.problem is None or held.problem.code == "withdrawn")
            valid[home] = "" if usable else _why(held.problem.text if held and held.problem else "")
        shown = home.relative_to(folder.root).as_posix()
        if valid[home] and shown not in told and len(told) < MOST_NAMED:
            told.add(shown)
            yield Fault(why=valid[home], file=path if shown == RESULTS else shown)


def _why(problem: str) -> str:
    return f"The evaluator of this workspace did not write it: {problem or 'no record is there'}."


def baselines(folder: SandboxFolder, kind: Kind) -> list[str]:
    """Return the variants that have the name of a packaged one; if there is none, all of them."""
    packaged = {path.stem for path in template_folder(kind).glob(f"{VARIANTS}/*.py")}
    names = folder.variants()
    return [name for name in names if name in packaged] or names


def trains(folder: SandboxFolder, name: str) -> bool:
    """Return whether a variant is trained: it does not say TRAIN = False."""
    return not declares_no_training(folder.source(name))


def _no_control(folder: SandboxFolder, kind: Kind) -> Iterator[Result]:
    """Yield a failed 5.1 if no baseline says TRAIN = False; whether one is trained, runs show."""
    if all(trains(folder, name) for name in baselines(folder, kind)):
        fault = Fault(why="No baseline says TRAIN = False.", file=f"{VARIANTS}/")
        yield judged("5.1", [fault])


def _baselines(folder: SandboxFolder, kind: Kind) -> Result:
    packaged = {
        path.stem: path.read_bytes() for path in template_folder(kind).glob(f"{VARIANTS}/*.py")
    }
    same = [
        name
        for name in folder.variants()
        if packaged.get(name) == folder.source(name) and trains(folder, name)
    ]
    why = f"None of the packaged baselines ({', '.join(sorted(packaged))}) is unchanged."
    fault = Fault(why=why, file=f"{VARIANTS}/")
    return judged("4.1", [] if same else [fault], f"unchanged: {', '.join(same)}")
