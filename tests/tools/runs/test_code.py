"""A run's digest covers all code that can change scores, and no comments or docstrings."""

import ast
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import fumehood_tools
from fumehood_tools.kinds import core_folder
from fumehood_tools.runs.code import EVALUATOR_PARTS, code_sha256

PACKAGE = Path(fumehood_tools.__file__).parent
# The modules that compute scores: activations, training, metrics.
ROOTS = ("harvest/__main__.py", "scoring/__main__.py", "runs/training.py", "runs/references.py")
# Modules that ROOTS import but that cannot change a score, and why.
HARMLESS = {
    "bench/collect.py": "finds scores that are there",
    "bench/controls.py": "names controls",
    "bench/noise.py": "judges scores that are there",
    "children": "starts processes",
    "cursors.py": "pages of lists",
    "deadlines.py": "how long anyone waits",
    "errors.py": "messages",
    "files.py": "reads and writes files",
    "filled_in.py": "which variables and keys are set; the device is in the digest itself",
    "locking.py": "one writer at a time",
    "lines.py": "carries answers of processes",
    "plain_files.py": "reads files",
    "records/integrity.py": "a record's shape: what the checks found",
    "records/labelling.py": "names rows",
    "records/levels.py": "says which L0s count as equal, of scores that are there",
    "records/parameters.py": "makes sources, which are in the digest themselves",
    "records/scores.py": "a record's shape",
    "records/seed_lists.py": "writes lists of seeds, which are in the digests themselves",
    "quoting.py": "messages",
    "registry": "says how numbers that are there are named, shown and judged",
    "runs/baselines.py": "chooses what is run",
    "runs/code.py": "this digest",
    "runs/controls.py": "makes sources, which are in the digest themselves",
    "runs/items.py": "this digest",
    "runs/log_lines.py": "prints",
    "sandbox/create.py": "finds files",
    "sandbox/sources.py": "copies files into a new sandbox",
    "sandbox/complaints.py": "a message's shape",
    "settings.py": "where things are; the device is in the digest itself",
    "timestamps.py": "says when",
    "where.py": "says where it was",
    "temporary.py": "folders that go",
    "wings": "what can be set; the device is in the digest itself",
}


def imported() -> set[str]:
    """Return the files of the package that ROOTS import, directly or not."""
    modules = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        modules[".".join(part for part in parts if part != "__init__")] = path
    names = {path: name for name, path in modules.items()}
    found: set[str] = set()
    todo = [names[PACKAGE / root] for root in ROOTS]
    while todo:
        if (name := todo.pop()) not in found:
            found.add(name)
            todo += [other for other in imports_of(modules[name]) if other in modules]
    return {modules[name].relative_to(PACKAGE).as_posix() for name in found}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def covered(file: str, parts: Iterable[str]) -> bool:
    return any(file == part or file.startswith(f"{part}/") for part in parts)


def test_whatever_makes_numbers_is_in_the_digest_or_has_a_reason_not_to_be() -> None:
    files = imported()
    assert len(files) > 80
    open_ones = [file for file in sorted(files) if not covered(file, [*EVALUATOR_PARTS, *HARMLESS])]
    assert not open_ones, "put these into EVALUATOR_PARTS, or into HARMLESS with a reason"
    both = set(EVALUATOR_PARTS) & set(HARMLESS)
    assert not both
    for part in (*EVALUATOR_PARTS, *HARMLESS):
        assert any(covered(file, [part]) for file in files), f"{part} is imported by none"


@pytest.fixture
def core(tmp_path: Path) -> Path:
    copy = tmp_path / "core"
    shutil.copytree(core_folder(), copy)
    return copy


def address(core: Path) -> str:
    return code_sha256(core, core.rglob("*.py"))


def test_words_do_not_change_the_address_of_code(core: Path) -> None:
    before = address(core)
    for path in core.rglob("*.py"):
        text = path.read_text(encoding="utf-8").replace('"""', '"""In other words: ', 1)
        path.write_text(f"{text}\n\n# A remark.\n", encoding="utf-8")
    assert address(core) == before


@pytest.mark.parametrize("change", ["a number", "a file", "a name", "a kernel"])
def test_code_does_change_it(core: Path, change: str) -> None:
    before = address(core)
    if change == "a number":
        path = core / "train.py"
        path.write_text(path.read_text(encoding="utf-8") + "\nMORE = 1\n", encoding="utf-8")
    elif change == "a file":
        (core / "more.py").write_text("", encoding="utf-8")
    elif change == "a name":
        (core / "train.py").rename(core / "training.py")
    else:
        path = core / "kernels" / "products.py"
        path.write_text(path.read_text(encoding="utf-8") + "\nMORE = 1\n", encoding="utf-8")
    assert address(core) != before
