"""Which files of a package are modules, documentation, examples and tests, from their paths alone.

Works for what an installer wrote (paths relative to site-packages), for wheels, sdists and
repositories. Nothing is read.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from fumehood_tools.surveys.models import FileKind

COMPILED = (".so", ".pyd", ".dylib")
_TESTS = frozenset({"test", "tests"})
_EXAMPLES = frozenset(
    {"example", "examples", "demo", "demos", "tutorial", "tutorials", "notebooks", "cookbook"}
)
_DOCS = frozenset({"doc", "docs", "documentation"})
_NOT_PACKAGES = (
    _TESTS
    | _EXAMPLES
    | _DOCS
    | {"benchmark", "benchmarks", "scripts", "build", "dist", "ci", "bin"}
)
_BASES = ("src", "", "lib", "python")
_SUFFIXES = (".py", ".pyi", *COMPILED)


class ModuleFiles(NamedTuple):
    """The files of one module; "" where there is none. package: it may have submodules."""

    source: str = ""
    stub: str = ""
    compiled: str = ""
    package: bool = False


class Layout(NamedTuple):
    """modules: dotted name -> files. odd: module files whose names are no identifiers."""

    modules: dict[str, ModuleFiles]
    kinds: dict[str, FileKind]
    roots: tuple[str, ...]
    odd: tuple[str, ...] = ()
    metadata: str = ""
    entry_points: str = ""


def layout_of(
    files: Sequence[str],
    distribution: str,
    top_level: Sequence[str] = (),
    packages: Sequence[str] = (),
) -> Layout:
    """Return the layout of a package.

    top_level: its import names, if its metadata states them. packages: the folders that its
    pyproject.toml says it installs.
    """
    installed = [it for it in files if re.fullmatch(r"[^/]+\.dist-info/METADATA", it)]
    homes = (
        _installed_homes(files)
        if installed
        else list(packages) or _source_homes(files, distribution, frozenset(top_level))
    )
    modules: dict[str, ModuleFiles] = {}
    odd, kinds = [], {}
    for file in files:
        home = next((it for it in homes if file == it or file.startswith(f"{it}/")), None)
        kind = kind_of(file, inside=home is not None)
        if kind == "source" and home is not None:
            name = _module_name(file, home)
            if name is None:
                odd.append(file)
            else:
                modules[name] = _with(modules.get(name, ModuleFiles()), file)
        kinds[file] = kind
    roots = tuple(sorted({name.partition(".")[0] for name in modules}))
    found = installed[:1] or sorted(it for it in files if it in ("PKG-INFO", "METADATA"))
    points = [it for it in files if it.endswith("-info/entry_points.txt")]
    return Layout(modules, kinds, roots, tuple(odd), "".join(found[:1]), "".join(points[:1]))


def is_public_module(name: str) -> bool:
    """Return whether no part of a module's name begins with an underscore, apart from the first."""
    return not any(part.startswith("_") for part in name.split(".")[1:])


def kind_of(file: str, *, inside: bool) -> FileKind:
    """Return what a file is for. inside: it is below an import package."""
    path = PurePosixPath(file)
    stem, suffix = path.stem.lower(), path.suffix.lower()
    folders = {part.lower() for part in path.parts[:-1]}
    if any(part.endswith((".dist-info", ".egg-info")) for part in path.parts):
        return "metadata"
    if suffix == ".ipynb":
        return "notebook"
    if suffix in (".md", ".rst", ".txt", ".markdown", "") and len(path.parts) <= 2:
        if stem.startswith("readme"):
            return "readme"
        if re.match(r"(changelog|changes|history|news|release[-_]?notes)", stem):
            return "changelog"
    if folders & _TESTS or (suffix == ".py" and re.match(r"test_|conftest$|.*_test$", stem)):
        return "test"
    if not inside and folders & _EXAMPLES:
        return "example"
    if suffix in (".md", ".rst", ".markdown") or (not inside and folders & _DOCS):
        return "docs"
    if suffix in _SUFFIXES:
        return "source" if inside else ("example" if folders & _EXAMPLES else "other")
    return "other"


def _installed_homes(files: Sequence[str]) -> list[str]:
    """Return the top-level folders and modules of an installed package or wheel."""
    tops = {
        file.partition("/")[0] if "/" in file else file
        for file in files
        if file.endswith(_SUFFIXES) and ".data/" not in file
    }
    homes = sorted(it for it in tops if not it.endswith(".dist-info") and not it.startswith("."))
    own = [it for it in homes if it.partition(".")[0].lower() not in _NOT_PACKAGES]
    return own or homes


def _source_homes(files: Sequence[str], distribution: str, tops: frozenset[str]) -> list[str]:
    """Return the folders and modules that an sdist or a repository would install."""
    packages = {
        file.rpartition("/")[0] for file in files if re.search(r"(^|/)__init__\.pyi?$", file)
    }
    outer = {it for it in packages if it and it.rpartition("/")[0] not in packages}
    usable = {it for it in outer if not {p.lower() for p in it.split("/")} & _NOT_PACKAGES}
    named = re.sub(r"[-_.]+", "_", distribution.lower())
    single = _single_modules(files, named, tops)
    if tops:
        listed = [it for it in usable if it.rpartition("/")[2] in tops]
        if listed or single:
            return sorted({*listed, *single})
    matching = [it for it in usable if it.rpartition("/")[2].lower() in (named, f"_{named}")]
    if matching:
        bases = {it.rpartition("/")[0] for it in matching}
        return sorted({*(it for it in usable if it.rpartition("/")[0] in bases), *single})
    return sorted({*usable, *single}) or _namespaces(files, named)


def _single_modules(files: Iterable[str], named: str, tops: frozenset[str]) -> list[str]:
    found = []
    for file in files:
        folder, _, base = file.rpartition("/")
        stem = base.partition(".")[0]
        is_named = stem in tops or (not tops and stem.lower() in (named, f"_{named}"))
        if is_named and folder in _BASES and file.endswith(_SUFFIXES):
            found.append(file)
    return found


def _namespaces(files: Sequence[str], named: str) -> list[str]:
    """Return folders of modules that have no __init__.py."""
    tops = {
        "/".join(parts[: 2 if parts[0] == "src" else 1])
        for file in files
        if file.endswith(_SUFFIXES) and len(parts := file.split("/")) > (file[:4] == "src/") + 1
    }
    usable = [it for it in sorted(tops) if it.rpartition("/")[2].lower() not in _NOT_PACKAGES]
    return [it for it in usable if it.rpartition("/")[2].lower() == named] or usable


def _module_name(file: str, home: str) -> str | None:
    """Return the dotted name of a module file, or None if it cannot be imported by a name."""
    base = home.rpartition("/")[0]
    relative = file[len(base) + 1 :] if base else file
    parts = relative.split("/")
    parts[-1] = parts[-1].partition(".")[0]
    parts[0] = parts[0].removesuffix("-stubs")
    if parts[-1] == "__init__":
        parts.pop()
    usable = parts and all(part.isidentifier() for part in parts)
    return ".".join(parts) if usable else None


def _with(known: ModuleFiles, file: str) -> ModuleFiles:
    package = known.package or file.rpartition("/")[2].startswith("__init__.")
    if file.endswith(".py"):
        # A package wins over a module of the same name, as it does when Python imports.
        if known.source and known.package and "/__init__." not in f"/{file}":
            return known
        return known._replace(source=file, package=package)
    if file.endswith(".pyi"):
        return known._replace(stub=file, package=package)
    return known._replace(compiled=file, package=package)
