"""Read what a repository says about itself: CITATION.cff, package metadata, licence, authors.

CITATION.cff is read with PyYAML, including preferred-citation, where the paper is named. Files that
cannot be parsed are searched as text.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from fumehood_tools.validation.addresses import repository_keys
from fumehood_tools.validation.sources import SourceFile, Sources

_AUTHOR_LINE = re.compile(r"author|maintainer|copyright|contributor|creator|\(c\)|©", re.I)
_URL_LINE = re.compile(r"repository|homepage|source|url|code|download", re.I)
_LICENCES = (
    ("Apache-2.0", r"apache license[,\s]+(?:version )?2"),
    ("AGPL-3.0", r"gnu affero general public license"),
    ("LGPL-3.0", r"gnu lesser general public license"),
    ("GPL-3.0", r"gnu general public license\s+version 3"),
    ("GPL-2.0", r"gnu general public license\s+version 2"),
    ("MPL-2.0", r"mozilla public license"),
    ("BSD-3-Clause", r"neither the name of|bsd 3-clause"),
    ("BSD-2-Clause", r"redistributions in binary form|bsd 2-clause"),
    ("MIT", r"permission is hereby granted, free of charge|\bmit license"),
    ("CC-BY-4.0", r"creative commons attribution 4"),
    ("Unlicense", r"this is free and unencumbered software"),
)


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
    licence: str
    licence_file: SourceFile | None
    installable: str
    pinned: tuple[int, int]
    """Dependencies with an exact version, and all of them."""


def read_metadata(sources: Sources) -> Metadata:
    """Return the metadata of a repository."""
    files = sources.having("metadata")
    cff_file = next((it for it in files if it.path.lower() == "citation.cff"), None)
    tree = _yaml(cff_file.text) if cff_file else None
    licence_file = _first(files, r"licen[cs]e|copying")
    return Metadata(
        cff=tuple(_cff(tree)),
        cff_file=cff_file,
        people=tuple(_people(files, tree, cff_file)),
        addresses=tuple(_addresses(files)),
        licence=_licence(licence_file, files),
        licence_file=licence_file,
        installable=next((it.path for it in files if _is_build_file(it.path)), ""),
        pinned=_pinned(files),
    )


def _first(files: list[SourceFile], pattern: str) -> SourceFile | None:
    named = [it for it in files if re.match(pattern, PurePosixPath(it.path).name, re.I)]
    return min(named, key=lambda it: it.path.count("/"), default=None)


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
        for number, line in enumerate(file.text.splitlines()[:2000], 1):
            if _URL_LINE.search(line):
                for key in repository_keys(line):
                    yield file, number, key


def _licence(file: SourceFile | None, files: list[SourceFile]) -> str:
    text = re.sub(r"\s+", " ", file.text[:6000].lower()) if file else ""
    for name, pattern in _LICENCES:
        if text and re.search(pattern, text):
            return name
    for other in files:
        found = re.search(
            r"^[ \t]*license[ \t]*[=:]\s*[\"'{]*(?:text\s*=\s*\")?([\w.+-]+)", other.text, re.M
        )
        if found and _is_build_file(other.path):
            return found[1]
    return "other" if file else ""


def _is_build_file(path: str) -> bool:
    names = "pyproject.toml setup.py setup.cfg cargo.toml package.json project.toml cmakelists.txt"
    return path.lower() in names.split()


def _pinned(files: list[SourceFile]) -> tuple[int, int]:
    pinned = total = 0
    for file in files:
        name = PurePosixPath(file.path).name.lower()
        if name.startswith("requirements"):
            lines = [it for it in file.text.splitlines() if re.match(r"\s*[A-Za-z]", it)]
            pinned += sum("==" in it for it in lines)
            total += len(lines)
        elif name in ("pyproject.toml", "setup.cfg"):
            found = re.findall(
                r"[\"'\s]([A-Za-z][\w.-]+)\s*(==|>=|~=|<=|<|>|!=)\s*[\d.]+", file.text
            )
            pinned += sum(mark == "==" for _, mark in found)
            total += len(found)
    return pinned, total
