"""The modules of a package as one tree of griffe's objects, from the listed files only.

griffe parses each file; its own finder is not used, because it follows links and .pth files out of
the package, and its loader starts git. A file that cannot be parsed becomes an empty module and a
problem. Modules are read from the top of the package down, public ones first, up to the limits.
"""

import importlib.util
import logging
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import griffe

from fumehood_tools.plain_files import NotPlain, open_plain
from fumehood_tools.quoting import one_line
from fumehood_tools.surveys.exports import ExportsExtension, merge_stub
from fumehood_tools.surveys.guarded import GuardExtension
from fumehood_tools.surveys.layout import Layout, ModuleFiles, is_public_module

MOST_MODULES = 3_000
MOST_FILE = 2_000_000
MOST_SOURCE = 20_000_000
MOST_PROBLEMS = 50
# What griffe raises for sources that Python compiles but that it does not expect.
ODD = (griffe.GriffeError, AttributeError, IndexError, KeyError, TypeError, RecursionError)
_WARNS = re.compile(r"\b(?:Pending)?DeprecationWarning\b|\bFutureWarning\b")
_UNPARSED = (SyntaxError, ValueError, LookupError, RecursionError, MemoryError, OverflowError)


class Tree(NamedTuple):
    """modules: those that were read, by name. shadowed: (module, name) -> the member that has the
    same name as a submodule. warns: file -> the lines that name a warning about deprecation.
    skipped: why -> number of modules."""

    loader: griffe.GriffeLoader
    modules: dict[str, griffe.Module]
    shadowed: dict[tuple[str, str], griffe.Object | griffe.Alias]
    warns: dict[str, list[int]]
    problems: list[str]
    skipped: dict[str, int]


def tree_of(
    folder: Path, layout: Layout, first: str = "", tell: Callable[[int, int], None] | None = None
) -> Tree:
    """Return the tree of a package. first: modules at or below this name are read before others."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    loader = griffe.GriffeLoader(
        extensions=griffe.load_extensions(GuardExtension, ExportsExtension),
        search_paths=[folder / "-"],
        allow_inspection=False,
        store_source=False,
    )
    skipped = {"broken": 0, "too_large": 0, "not_read": 0}
    tree = Tree(loader, {}, {}, {}, [], skipped)
    order = sorted(layout.modules, key=lambda name: _rank(name, first))
    budget = MOST_SOURCE
    for number, name in enumerate(order):
        files = layout.modules[name]
        if number >= MOST_MODULES or budget <= 0:
            skipped["not_read"] += bool(files.source or files.stub)
            continue
        budget -= _add(tree, folder, name, files)
        if tell is not None and number % 20 == 0:
            tell(number, min(len(order), MOST_MODULES))
    _connect(tree, layout)
    return tree


def _rank(name: str, first: str) -> tuple[bool, bool, int, str]:
    asked = bool(first) and (
        f"{first}.".startswith(f"{name}.") or f"{name}.".startswith(f"{first}.")
    )
    return (not asked, not is_public_module(name), name.count("."), name)


def _add(tree: Tree, folder: Path, name: str, files: ModuleFiles) -> int:
    """Read the files of a module into the tree; return their size."""
    found: griffe.Module | None = None
    size = 0
    for file in (files.source, files.stub):
        if file:
            code, read = _code(tree, folder, file)
            size += read
            module = None if code is None else _visited(tree, folder, name, file, code)
            if module is not None:
                found = module if found is None else _merged(found, module)
    if found is None and not (files.compiled and not files.package):
        place = folder / (files.source or files.stub or name.replace(".", "/"))
        found = griffe.Module(name.rpartition(".")[2], filepath=place)
    if found is not None:
        _place(tree, name, found)
    return size


def _code(tree: Tree, folder: Path, file: str) -> tuple[str | None, int]:
    try:
        with open_plain(folder / file, MOST_FILE) as opened:
            content = opened.read(MOST_FILE)
        code = importlib.util.decode_source(content)
    except NotPlain as error:
        tree.skipped["too_large"] += 1
        _problem(tree, file, error.strerror or "too large")
        return None, 0
    except (OSError, *_UNPARSED) as error:
        tree.skipped["broken"] += 1
        said = error.strerror if isinstance(error, OSError) else str(error)
        _problem(tree, file, said or type(error).__name__)
        return None, 0
    tree.warns[file] = [code.count("\n", 0, it.start()) + 1 for it in _WARNS.finditer(code)]
    return code, len(content)


def _visited(tree: Tree, folder: Path, name: str, file: str, code: str) -> griffe.Module | None:
    try:
        module = griffe.visit(
            name.rpartition(".")[2],
            folder / file,
            code,
            extensions=tree.loader.extensions,
            parent=_parent(tree, folder, name),
            modules_collection=tree.loader.modules_collection,
            lines_collection=tree.loader.lines_collection,
        )
    except (*_UNPARSED, *ODD) as error:
        tree.skipped["broken"] += 1
        where = f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else ""
        _problem(tree, file, where or f"{type(error).__name__} {error}")
        return None
    return module


def _problem(tree: Tree, file: str, why: str) -> None:
    if len(tree.problems) < MOST_PROBLEMS:
        tree.problems.append(f"{one_line(file)[:200]}: {one_line(why)[:200]}")


def _merged(module: griffe.Module, stub: griffe.Module) -> griffe.Module:
    try:
        return merge_stub(module, stub)
    except (ValueError, *ODD):
        return module


def _parent(tree: Tree, folder: Path, name: str) -> griffe.Module | None:
    """Return the module above one, made empty if it has no file."""
    above = name.rpartition(".")[0]
    if not above:
        return None
    if above not in tree.modules:
        place = folder / above.replace(".", "/")
        _place(tree, above, griffe.Module(above.rpartition(".")[2], filepath=[place]))
    return tree.modules[above]


def _place(tree: Tree, name: str, module: griffe.Module) -> None:
    tree.modules[name] = module
    above, _, own = name.rpartition(".")
    if not above:
        tree.loader.modules_collection.set_member(own, module)
        return
    parent = tree.modules.get(above) or _parent(tree, Path(), name)
    assert parent is not None
    before = parent.members.get(own)
    if before is not None and (before.is_alias or not before.is_module):
        tree.shadowed[above, own] = before
    parent.members[own] = module
    module.parent = parent


def _connect(tree: Tree, layout: Layout) -> None:
    """Expand __all__ and wildcard imports, and add the __init__ of dataclasses."""
    for module in list(tree.modules.values()):
        _tried(tree, module, lambda it: tree.loader.expand_exports(it, set()))
    for root in layout.roots:
        if root in tree.modules:
            module = tree.modules[root]
            _tried(tree, module, lambda it: tree.loader.expand_wildcards(it, external=False))
            _tried(tree, module, lambda it: _dataclasses(tree, it))


def _dataclasses(tree: Tree, module: griffe.Module) -> None:
    tree.loader.extensions.call("on_package", pkg=module, loader=tree.loader)


def _tried(tree: Tree, module: griffe.Module, step: Callable[[griffe.Module], None]) -> None:
    try:
        step(module)
    except ODD as error:
        _problem(tree, module.path, f"its imports could not be followed ({type(error).__name__})")
