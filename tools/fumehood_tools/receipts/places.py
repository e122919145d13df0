"""Places: the names that ledger, messages and `fumehood verify` use for the folders of records.

A place is the folder's path within the workspace, with slashes:
`sandboxes/box/results/topk/seed0-1a`. Ledger format 1 has only results of sandboxes, and writes the
same place as `box/topk/seed0-1a`.
"""

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from fumehood_tools.errors import BadRequest
from fumehood_tools.registry.kinds import kinds

STATE, SANDBOXES, RESULTS = ".fumehood", "sandboxes", "results"


def place_of(folder: Path, workspace: Path) -> str:
    """Return the place of a folder. Raises BadRequest if it is outside the workspace."""
    try:
        return folder.relative_to(workspace).as_posix()
    except ValueError:
        raise BadRequest(
            f"{folder.name} is outside the workspace. Choose a folder inside it."
        ) from None


def state_of(sandbox: Path) -> Path:
    """Return the state folder (.fumehood) of the workspace that contains a sandbox's folder."""
    return sandbox.parents[1] / STATE


def checked(place: str) -> str:
    """Return the place if it is valid for a record. Raises BadRequest otherwise."""
    parts = place.split("/")
    if not all(map(_can_be_ours, parts)):
        raise BadRequest(
            f"{place!r} cannot be the folder of a record. Use a relative path within the "
            "workspace, without hidden folders."
        )
    return place


def place_of_format_1(name: str) -> str:
    """Return the place that ledger format 1 writes as <sandbox>/<variant>/<run>."""
    sandbox, _, rest = name.partition("/")
    return f"{SANDBOXES}/{sandbox}/{RESULTS}/{rest}"


def results_of(sandbox: str) -> str:
    """Return the place that contains the results of a sandbox."""
    return f"{SANDBOXES}/{sandbox}/{RESULTS}"


def is_under(place: str, under: str) -> bool:
    """Return whether a place equals `under` or is inside it. Every place is inside ""."""
    return not under or place == under or place.startswith(f"{under}/")


def matches(place: str, pattern: str) -> bool:
    """Return whether a place matches the glob pattern of a kind; * matches one folder name."""
    names, globs = place.split("/"), pattern.split("/")
    return len(names) == len(globs) and all(map(fnmatchcase, names, globs))


def run_of(place: str) -> tuple[str, str]:
    """Return variant and run of a place in the results of a sandbox."""
    folder, _, run = place.rpartition("/")
    return folder.rpartition("/")[2], run


def places_on_disk(workspace: Path, under: str = "") -> list[str]:
    """Return the sorted places under `under` that match the pattern of a registered kind."""
    patterns = {kind.places for kind in kinds()}
    found = {
        place
        for pattern in patterns
        for place in _matches(str(workspace), "", pattern.split("/"), under)
    }
    return sorted(found)


def _matches(root: str, place: str, patterns: list[str], under: str) -> Iterator[str]:
    """Yield the places below `place` that match the rest of a pattern and are under `under`."""
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
    """Return the names in a folder that match a pattern; [] if the folder can't be read.

    As in a shell, `*` does not match hidden names. A folder that a crash left half-written has a
    hidden name.
    """
    if not any(letter in pattern for letter in "*?["):
        return [pattern]
    try:
        return [n for n in os.listdir(folder) if fnmatchcase(n, pattern) and _can_be_ours(n)]
    except OSError:
        return []


def _can_be_ours(name: str) -> bool:
    """Return whether a folder with this name may contain a record.

    Hidden folders belong to writers that are at work or were killed. A name with control characters
    could forge lines of our output, where places are printed.
    """
    return name.isprintable() and not name.startswith(".") and bool(name)
