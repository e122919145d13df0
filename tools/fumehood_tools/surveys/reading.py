"""Read one version of a package into a Survey. Runs in a child process, and runs no package code.

Costs about a second for 30,000 lines, and 60 MB.
"""

import configparser
import email
import email.policy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.plain_files import open_plain
from fumehood_tools.surveys.api import Api, api_of
from fumehood_tools.surveys.layout import Layout, is_public_module, layout_of
from fumehood_tools.surveys.mentions import last_parts, mentions_in, scored
from fumehood_tools.surveys.models import Counts, EntryPoint, Survey, SurveyedFile
from fumehood_tools.surveys.snippets import snippets_of
from fumehood_tools.surveys.texts import texts_of
from fumehood_tools.surveys.tree import Tree, tree_of

MOST_METADATA = 2_000_000
MOST_FILES = 20_000
MOST_ENTRIES = 200


class Source(NamedTuple):
    """The files of one version of a package, as a request carries them."""

    distribution: str
    version: str
    folder: str
    files: list[str]


class Read(NamedTuple):
    """What was read of one version."""

    survey: Survey
    api: Api
    tree: Tree


def read_package(
    source: Source, first: str = "", tell: Callable[[int, int], None] | None = None
) -> Read:
    """Return what a package contains. first: modules below this name are read before others."""
    folder = Path(source.folder)
    tops = [it for it in source.files if it.endswith("-info/top_level.txt")]
    top_level = _text(folder / tops[0]).split() if tops else []
    layout = layout_of(source.files, source.distribution, top_level, _packages(source))
    tree = tree_of(folder, layout, first, tell)
    api = api_of(tree, layout, folder)
    texts = list(texts_of(folder, layout.kinds, layout.metadata))
    names = last_parts(api.objects.values())
    found = mentions_in(texts, names)
    objects = [scored(it, layout.roots, found) for it in api.objects.values()]
    objects.sort(key=lambda it: (-it.score, it.path.count("."), it.path))
    survey = Survey(
        distribution=source.distribution,
        version=source.version,
        imports=layout.roots,
        modules=tuple(api.modules),
        counts=_counts(layout, tree, api),
        problems=tuple(tree.problems),
        objects=tuple(objects),
        snippets=tuple(snippets_of(texts, objects, names)),
        files=_files(folder, layout),
        entry_points=_entry_points(folder, layout),
    )
    return Read(_described(survey, folder, layout), api, tree)


def _packages(source: Source) -> list[str]:
    """Return the folders of packages that pyproject.toml names for hatchling, if it does."""
    if "pyproject.toml" not in source.files:
        return []
    try:
        node: Any = tomllib.loads(_text(Path(source.folder) / "pyproject.toml"))
        for key in ("tool", "hatch", "build", "targets", "wheel", "packages"):
            node = node[key]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    named = [str(it).strip("/") for it in node] if isinstance(node, list) else []
    return [it for it in named if any(file.startswith(f"{it}/") for file in source.files)]


def _counts(layout: Layout, tree: Tree, api: Api) -> Counts:
    files = layout.modules.values()
    return Counts(
        modules=len(layout.modules),
        public_modules=sum(map(is_public_module, layout.modules)),
        stubs=sum(bool(it.stub) for it in files),
        compiled=sum(bool(it.compiled) for it in files),
        compiled_unknown=sum(bool(it.compiled and not it.stub and not it.source) for it in files),
        broken=tree.skipped["broken"],
        too_large=tree.skipped["too_large"],
        not_read=tree.skipped["not_read"],
        odd_names=len(layout.odd),
        lazy=api.lazy,
        at_run_time=api.at_run_time,
        unresolved=api.unresolved,
    )


def _files(folder: Path, layout: Layout) -> tuple[SurveyedFile, ...]:
    found = []
    for path, kind in sorted(layout.kinds.items())[:MOST_FILES]:
        try:
            size = (folder / path).lstat().st_size
        except OSError:
            continue
        found.append(SurveyedFile(path=path, kind=kind, size=size))
    return tuple(found)


def _described(survey: Survey, folder: Path, layout: Layout) -> Survey:
    """Return the survey with what the metadata says, as far as there is any."""
    if not layout.metadata:
        return survey
    said = email.message_from_string(_text(folder / layout.metadata), policy=email.policy.compat32)
    return survey.model_copy(
        update={
            "version": survey.version or str(said.get("Version", "")),
            "summary": str(said.get("Summary", ""))[:1_000],
            "requires_python": str(said.get("Requires-Python", ""))[:200],
            "requires": tuple(
                str(it)[:300] for it in (said.get_all("Requires-Dist") or ())[:MOST_ENTRIES]
            ),
        }
    )


def _entry_points(folder: Path, layout: Layout) -> tuple[EntryPoint, ...]:
    if not layout.entry_points:
        return ()
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    try:
        parser.read_string(_text(folder / layout.entry_points))
    except configparser.Error:
        return ()
    return tuple(
        EntryPoint(group=group, name=name, target=target)
        for group in parser.sections()
        for name, target in parser.items(group)
    )[:MOST_ENTRIES]


def _text(path: Path) -> str:
    try:
        with open_plain(path, MOST_METADATA) as file:
            return file.read(MOST_METADATA).decode("utf-8", "replace")
    except OSError:
        return ""
