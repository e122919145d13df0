"""Read what a repository says about itself: CITATION.cff, package metadata, authors.

CITATION.cff is read with PyYAML, including preferred-citation, where the paper is named. Of the
metadata of a package (METADATA, PKG-INFO) the header fields are read; what follows them is its
README. Files that cannot be parsed are searched as text.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from fumehood_tools.repositories.address import keys_in
from fumehood_tools.validation.sources import SourceFile, Sources, core_fields, is_core

_AUTHOR_LINE = re.compile(r"author|maintainer|copyright|contributor|creator|\(c\)|©", re.I)
_URL_LINE = re.compile(r"repository|homepage|source|url|code|download", re.I)
_DEPENDENCY = re.compile(r"[\"'\s]([A-Za-z][\w.-]+)\s*(==|>=|~=|<=|<|>|!=)\s*[\d.]+")


class Cff(NamedTuple):
    """One paper that a CITATION.cff names. preferred: in preferred-citation."""

    title: str
    ids: str
    preferred: bool


class Metadata(NamedTuple):
    """What a repository says about itself. people: (file, line, text) that name who wrote it."""

    cff: tuple[Cff, ...]
    cff_file: SourceFile | None
    people: tuple[tuple[SourceFile, int, str], ...]
    addresses: tuple[tuple[SourceFile, int, str], ...]
    installable: str
    pinned: tuple[int, int]
    """Dependencies with an exact version, and all of them."""


def read_metadata(sources: Sources) -> Metadata:
    """Return the metadata of a repository."""
    files = sources.having("metadata")
    cff_file = next((it for it in files if it.path.lower() == "citation.cff"), None)
    tree = _yaml(cff_file.text) if cff_file else None
    return Metadata(
        cff=tuple(_cff(tree)),
        cff_file=cff_file,
        people=tuple(_people(files, tree, cff_file)),
        addresses=tuple(_addresses(files)),
        installable=next((it.path for it in files if _is_build_file(it.path)), ""),
        pinned=_pinned(files),
    )


def _yaml(text: str) -> Any:
    import yaml

    # Merge keys can double a mapping at every level; no CITATION.cff needs them.
    if "<<" in text:
        return None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _cff(tree: Any) -> Iterator[Cff]:
    if not isinstance(tree, dict):
        return
    preferred = tree.get("preferred-citation")
    if isinstance(preferred, dict):
        yield Cff(_text(preferred.get("title")), _ids(preferred), preferred=True)
    references = tree.get("references")
    for entry in references if isinstance(references, list) else ():
        if isinstance(entry, dict):
            yield Cff(_text(entry.get("title")), _ids(entry), preferred=False)
    yield Cff(_text(tree.get("title")), _ids(tree), preferred=False)


def _ids(entry: dict[Any, Any]) -> str:
    listed = entry.get("identifiers")
    more = (
        [it.get("value", "") for it in listed if isinstance(it, dict)]
        if isinstance(listed, list)
        else []
    )
    return " ".join(_text(it) for it in (entry.get("doi"), entry.get("url"), *more))


def _text(value: Any) -> str:
    """Return a value that is text. Lists that contain one another have no short text."""
    return value if isinstance(value, str) else ""


def _people(
    files: list[SourceFile], tree: Any, cff_file: SourceFile | None
) -> Iterator[tuple[SourceFile, int, str]]:
    """Yield who wrote the software. The authors that a preferred-citation names wrote the paper."""
    authors = tree.get("authors") if isinstance(tree, dict) else None
    if cff_file and isinstance(authors, list):
        for one in authors:
            if isinstance(one, dict):
                name = f"{_text(one.get('given-names'))} {_text(one.get('family-names'))}".strip()
                family = _text(one.get("family-names")) or "authors"
                yield cff_file, cff_file.line(max(0, cff_file.text.find(family))), name
    for file in files:
        name = PurePosixPath(file.path).name.lower()
        if name.startswith("citation"):
            continue
        if is_core(file.path):
            yield from _fields(file, ("author", "maintainer"))
            continue
        whole = name.startswith(("authors", "contributors"))
        lines = file.text.splitlines()[: 400 if whole else 3000]
        inside = 0
        for number, line in enumerate(lines, 1):
            inside = 6 if _AUTHOR_LINE.search(line) else inside - 1
            if whole or inside > 0:
                yield file, number, line


def _addresses(files: list[SourceFile]) -> Iterator[tuple[SourceFile, int, str]]:
    for file in files:
        if PurePosixPath(file.path).name.lower().startswith(("licen", "copying", "requirements")):
            continue
        if is_core(file.path):
            for _, number, line in _fields(file, ("home-page", "project-url", "download-url")):
                yield from ((file, number, key) for key in keys_in(line))
            continue
        for number, line in enumerate(file.text.splitlines()[:2000], 1):
            if _URL_LINE.search(line):
                for key in keys_in(line):
                    yield file, number, key


def _fields(file: SourceFile, names: tuple[str, ...]) -> Iterator[tuple[SourceFile, int, str]]:
    for number, name, line in core_fields(file.text):
        if name.startswith(names):
            yield file, number, line


def _is_build_file(path: str) -> bool:
    names = "pyproject.toml setup.py setup.cfg cargo.toml package.json project.toml cmakelists.txt"
    return path.lower() in names.split() or is_core(path)


def _pinned(files: list[SourceFile]) -> tuple[int, int]:
    pinned = total = 0
    for file in files:
        name = PurePosixPath(file.path).name.lower()
        if name.startswith("requirements"):
            lines = [it for it in file.text.splitlines() if re.match(r"\s*[A-Za-z]", it)]
            pinned += sum("==" in it for it in lines)
            total += len(lines)
        elif name in ("pyproject.toml", "setup.cfg"):
            found = _DEPENDENCY.findall(file.text)
            pinned += sum(mark == "==" for _, mark in found)
            total += len(found)
    return (pinned, total) if total else _required(files)


def _required(files: list[SourceFile]) -> tuple[int, int]:
    """Return the dependencies that a built package states, without those of its extras."""
    stated = [
        line.partition(";")[0]
        for file in files
        if is_core(file.path)
        for _, _, line in _fields(file, ("requires-dist",))
        if "extra ==" not in line
    ]
    return sum("==" in it for it in stated), len(stated)
