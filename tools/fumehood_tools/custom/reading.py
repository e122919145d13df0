"""What reading shows about a custom sandbox: requirements 2.2, 3, 4.1, 5.1 and part of 7.1."""

import ast
from collections.abc import Iterator
from pathlib import Path

from fumehood_tools.custom.sealed import custom_of, pinned, sealed_files, sealed_sha256
from fumehood_tools.errors import FumehoodError
from fumehood_tools.files import read_json
from fumehood_tools.proving.folder import VARIANTS, SandboxFolder
from fumehood_tools.proving.report import Fault, Result, judged
from fumehood_tools.proving.sealed import foreign_results, trains
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.refusals import ALLOWED_IMPORTS
from fumehood_tools.settings import Settings
from fumehood_tools.spec import CustomSpec

_NOT_HERE = {"core", "dictionary_learning", "time"}
LEAST_CHARACTERS = 20
MOST_NAMED = 10


def judge_reading(folder: SandboxFolder, box: Sandbox, settings: Settings) -> list[Result]:
    """Return the results of these requirements."""
    custom = custom_of(box)
    names = folder.variants()
    trained = [name for name in names if trains(folder, name)]
    there = Fault(why="No variant is a baseline.", file=f"{VARIANTS}/")
    no_control = Fault(why="No variant says TRAIN = False.", file=f"{VARIANTS}/")
    results = [
        judged("2.2", _all_faults(folder, custom)),
        _sealed(box, settings),
        judged("3.2", folder.odd[:MOST_NAMED]),
        judged("3.3", foreign_results(folder, settings)),
        judged("4.1", [] if trained else [there], f"baselines: {', '.join(trained)}"),
    ]
    if len(trained) == len(names):
        results.append(judged("5.1", [no_control]))
    return results


def _sealed(box: Sandbox, settings: Settings) -> Result:
    """Return the result of 3.1: here, that the sealed files are those that were pinned."""
    try:
        files, now = sealed_files(box), sealed_sha256(box)
        held = pinned(settings.state, box)
    except FumehoodError as error:
        return judged("3.1", [Fault(why=str(error))])
    if held not in (None, now):
        why = f"The sealed files have the hash {now[:16]}, pinned is {held[:16]}."
        return judged("3.1", [Fault(why=why, file=custom_of(box).evaluation)])
    pin = "pinned" if held else "not pinned before"
    return judged("3.1", [], f"{len(files)} sealed files, sha256 {now}, {pin}")


def _all_faults(folder: SandboxFolder, custom: CustomSpec) -> Iterator[Fault]:
    for name in folder.variants():
        yield from variant_faults(name, folder.source(name), custom)


def variant_faults(name: str, source: bytes, custom: CustomSpec) -> Iterator[Fault]:
    """Yield what reading shows to be wrong with a variant: its imports, its class."""
    allowed = {*ALLOWED_IMPORTS, Path(custom.interface).name} - _NOT_HERE
    path = f"{VARIANTS}/{name}.py"
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        yield Fault(why=f"It is not valid Python: {error}.", file=path)
        return
    for module, line in _imports(tree):
        if module.partition(".")[0] not in allowed:
            why = f"It imports {module}: only {', '.join(sorted(allowed))} are allowed."
            yield Fault(why=why, file=path, line=line)
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    if custom.variant_class not in classes:
        yield Fault(why=f"It has no class {custom.variant_class}.", file=path)


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), node.lineno


def shared_texts(box: Sandbox) -> Iterator[Fault]:
    """Yield the input texts that the evaluation's files contain, too. Raises StorageFailed."""
    custom = custom_of(box)
    texts = [text for some in read_json(box.folder / custom.inputs).values() for text in some]
    held = {
        path: path.read_text(encoding="utf-8", errors="replace")
        for path in sorted((box.folder / custom.evaluation).rglob("*"))
        if path.is_file()
    }
    for path, content in held.items():
        shared = [one for one in texts if len(one) >= LEAST_CHARACTERS and one in content]
        if shared:
            why = f"It has {len(shared)} texts that variants get, too: {shared[0][:60]!r}."
            yield Fault(why=why, file=path.relative_to(box.folder).as_posix())
