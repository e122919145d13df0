"""Places: how ledger, messages and `fumehood verify` name the folder of a record.

A place is the folder's path within the workspace, with slashes:
`sandboxes/box/results/topk/seed0-1a`. Lines of ledger format 1 know results of sandboxes only and
name them `box/topk/seed0-1a`; they are read as the same place.
"""

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from fumehood_tools.errors import BadRequest
from fumehood_tools.registry.kinds import kinds

STATE, SANDBOXES, RESULTS = ".fumehood", "sandboxes", "results"


def place_of(folder: Path, workspace: Path) -> str:
    """Return the place of a folder of the workspace. Raises BadRequest for one outside of it."""
    try:
        return folder.relative_to(workspace).as_posix()
    except ValueError:
        raise BadRequest(f"{folder.name} lies outside the workspace. Choose one inside.") from None


def state_of(sandbox: Path) -> Path:
    """Return the machine's corner of the workspace that the sandbox's folder lies in."""
    return sandbox.parents[1] / STATE


def checked(place: str) -> str:
    """Return a place that can be a folder of the workspace. Raises BadRequest."""
    parts = place.split("/")
    if not all(map(_can_be_ours, parts)):
        raise BadRequest(f"{place!r} names no folder for records. Use a path within the workspace.")
    return place


def place_of_format_1(name: str) -> str:
    """Return the place that a line of ledger format 1 means: <sandbox>/<variant>/<run>."""
    sandbox, _, rest = name.partition("/")
    return f"{SANDBOXES}/{sandbox}/{RESULTS}/{rest}"


def results_of(sandbox: str) -> str:
    """Return the place under which the results of a sandbox lie."""
    return f"{SANDBOXES}/{sandbox}/{RESULTS}"


def is_under(place: str, under: str) -> bool:
    """Return whether a place is `under`, or lies in it; everything lies in ""."""
    return not under or place == under or place.startswith(f"{under}/")


def matches(place: str, pattern: str) -> bool:
    """Return whether a place is one that a kind's pattern is of; a star stands for one name."""
    names, globs = place.split("/"), pattern.split("/")
    return len(names) == len(globs) and all(map(fnmatchcase, names, globs))


def run_of(place: str) -> tuple[str, str]:
    """Return variant and run of a place among the results of a sandbox."""
    folder, _, run = place.rpartition("/")
    return folder.rpartition("/")[2], run


def places_on_disk(workspace: Path, under: str = "") -> list[str]:
    """Return the folders in which a record of a known kind may lie, sorted."""
    patterns = {kind.places for kind in kinds()}
    found = {
        place
        for pattern in patterns
        for place in _matches(str(workspace), "", pattern.split("/"), under)
    }
    return sorted(found)


def _matches(root: str, place: str, patterns: list[str], under: str) -> Iterator[str]:
    """Return what matches the rest of a pattern below a place, and lies under `under`."""
    if not patterns:
        if is_under(place, under):
            yield place
        return
    pattern, *rest = patterns
    for name in _names(f"{root}/{place}" if place else root, pattern):
        inner = f"{place}/{name}" if place else name
        if is_under(inner, under) or is_under(under, inner):
            yield from _matches(root, inner, rest, under)


def _names(folder: str, pattern: str) -> list[str]:
    """Return the names in a folder that match; none when it is missing or cannot be read.

    As in a shell, `*` matches no hidden name: a folder that a crash left half-written is hidden.
    """
    if not any(letter in pattern for letter in "*?["):
        return [pattern]
    try:
        return [n for n in os.listdir(folder) if fnmatchcase(n, pattern) and _can_be_ours(n)]
    except OSError:
        return []


def _can_be_ours(name: str) -> bool:
    """Return whether a folder of this name may hold a record.

    Hidden ones are those of writers at work, or killed. One that does not print, or is not text,
    would speak for us where places are named.
    """
    return name.isprintable() and not name.startswith(".") and bool(name)
