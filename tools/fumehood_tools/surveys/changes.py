"""What changed in the public API between two versions of a package, most needed first.

Names that went, came or moved are found by comparing the public paths of both; griffe compares the
parameters, kinds, bases and returns of what both have. Runs in a child process.
"""

import difflib
from collections.abc import Iterator

import griffe

from fumehood_tools.quoting import one_line
from fumehood_tools.surveys.mentions import why
from fumehood_tools.surveys.models import ApiObject, Change, Changes
from fumehood_tools.surveys.reading import Read
from fumehood_tools.surveys.tree import ODD

LONGEST = 400
# How alike names must be for one to be proposed in place of the other. Set on transformer-lens 4,
# where HookedTransformer (0.65 alike) became TransformerBridge; members are more alike by chance.
_ALIKE, _ALIKE_MEMBERS = 0.64, 0.8
_ADDED_SCORE, _BROKEN_SCORE = -6.0, 6.0


def changes_between(old: Read, new: Read) -> Changes:
    """Return the changes from one version to another."""
    before, after = _paths(old), _paths(new)
    changes = [
        *_removed(before, after, _lazy(new)),
        *_added(before, after),
        *_deprecated(before, after),
    ]
    compared, failed = _compared(old, new)
    changes += compared
    changes.sort(key=lambda it: (-it.score, it.name))
    return Changes(
        distribution=new.survey.distribution,
        old=old.survey.version,
        new=new.survey.version,
        changes=tuple(changes),
        not_compared=failed,
    )


def _paths(read: Read) -> dict[str, ApiObject]:
    """Return every public path -> the object there."""
    paths = {}
    for entry in read.survey.objects:
        for path in (entry.path, *entry.also):
            paths[path] = entry
    return paths


def _lazy(read: Read) -> frozenset[str]:
    """Return the modules with a __getattr__, which may have more names than can be seen."""
    return frozenset(
        name for name, module in read.tree.modules.items() if "__getattr__" in module.members
    )


def _removed(
    before: dict[str, ApiObject], after: dict[str, ApiObject], lazy: frozenset[str]
) -> Iterator[Change]:
    homes: dict[str, list[ApiObject]] = {}
    for entry in after.values():
        homes.setdefault(entry.path.rpartition(".")[2], []).append(entry)
    gone = {path for path in before if path not in after}
    for path in gone:
        entry = before[path]
        if entry.owner in gone or path.rpartition(".")[0] in gone:
            continue
        owner = after.get(entry.owner)
        name = path.rpartition(".")[2]
        if owner is not None and any(it.rpartition(".")[2] == name for it in owner.inherited):
            continue
        became = _successor(entry, path, after, homes)
        moved = bool(became) and became.rpartition(".")[2] == path.rpartition(".")[2]
        score = entry.score if not entry.owner else _owned(entry, before)
        doubt = (
            ", unless its module's __getattr__ makes it" if path[: -len(name) - 1] in lazy else ""
        )
        yield Change(
            name=path,
            kind="moved" if moved else "removed",
            what=f"{entry.kind} {'is now ' + became if moved else 'is not there any more'}{doubt}",
            became=became,
            breaking=True,
            file=entry.file,
            line=entry.line,
            why=why(entry),
            score=score + _BROKEN_SCORE + 2.0 - 3.0 * (path != entry.path),
        )


def _successor(
    entry: ApiObject, path: str, after: dict[str, ApiObject], homes: dict[str, list[ApiObject]]
) -> str:
    """Return the path in the new version that probably replaces a removed one, or ""."""
    module, _, name = path.rpartition(".")
    for candidate in (entry.path, *entry.also):
        if candidate in after:
            return candidate
    same = [it for it in homes.get(name, ()) if bool(it.owner) == bool(entry.owner)]
    if entry.owner:
        same = [it for it in same if it.owner == entry.owner]
    if same:
        return max(same, key=lambda it: (it.kind == entry.kind, it.score, it.path)).path
    beside = {
        it.rpartition(".")[2]: it
        for it, now in after.items()
        if it.rpartition(".")[0] == module and now.kind == entry.kind
    }
    cutoff = _ALIKE_MEMBERS if entry.owner else _ALIKE
    close = difflib.get_close_matches(name, list(beside)[:2_000], n=1, cutoff=cutoff)
    return beside[close[0]] if close else ""


def _owned(entry: ApiObject, paths: dict[str, ApiObject]) -> float:
    """Return the rank of a member: a little below its class."""
    owner = paths.get(entry.owner)
    above = owner.score if owner is not None and not owner.owner else 0.0
    return above - 2.0 + 0.5 * bool(entry.doc)


def _added(before: dict[str, ApiObject], after: dict[str, ApiObject]) -> Iterator[Change]:
    new = {path for path in after if path not in before}
    for path in new:
        entry = after[path]
        if path != entry.path or entry.owner in new:
            continue
        score = entry.score if not entry.owner else _owned(entry, after)
        yield Change(
            name=path,
            kind="added",
            what=f"{entry.kind} is new: {one_line(entry.signature or entry.value)[:LONGEST]}",
            file=entry.file,
            line=entry.line,
            why=why(entry),
            score=score + _ADDED_SCORE,
        )


def _deprecated(before: dict[str, ApiObject], after: dict[str, ApiObject]) -> Iterator[Change]:
    for path, entry in after.items():
        known = before.get(path)
        if path != entry.path or not entry.deprecated:
            continue
        if known is not None and known.deprecated:
            continue
        yield Change(
            name=path,
            kind="deprecated",
            what=one_line(entry.deprecated)[:LONGEST],
            file=entry.file,
            line=entry.line,
            why=why(entry),
            score=(known.score if known is not None else entry.score) + 3.0,
        )


def _compared(old: Read, new: Read) -> tuple[list[Change], int]:
    """Return what griffe finds in the objects that both versions have."""
    after = _paths(new)
    entries = {it.path: it for it in old.survey.objects}
    changes, failed = [], 0
    seen: set[tuple[str, str, str]] = set()
    for path, target in old.api.targets.items():
        entry, now = entries[path], after.get(path)
        found = new.api.targets.get(now.path) if now is not None else None
        if now is None or found is None or entry.owner:
            continue
        try:
            breakages = list(_breakages(target, found))
        except ODD:
            failed += 1
            continue
        for breakage in breakages:
            change = _change(breakage, path, entry, found)
            key = (change.name, change.kind, change.what)
            if breakage.kind is not griffe.BreakageKind.OBJECT_REMOVED and key not in seen:
                seen.add(key)
                changes.append(change)
    return changes, failed


def _breakages(old: griffe.Object, new: griffe.Object) -> Iterator[griffe.Breakage]:
    """Yield what griffe finds between two objects, which it compares only as members of others."""
    holders = []
    for found in (old, new):
        holder = griffe.Module("compared", modules_collection=griffe.ModulesCollection())
        holder.members["it"] = found
        found.public = True
        holders.append(holder)
    yield from griffe.find_breaking_changes(*holders)


def _change(breakage: griffe.Breakage, path: str, entry: ApiObject, new: griffe.Object) -> Change:
    found = breakage.obj
    inner = found.path.removeprefix(new.path)
    # A member that a class inherits has the path of another class.
    inner = inner.removesuffix(".__init__")
    name = path + inner if found.path.startswith(new.path) else f"{path} ({found.path})"
    return Change(
        name=name,
        kind="changed",
        what=_in_words(breakage),
        breaking=True,
        file=entry.file,
        line=found.lineno,
        why=why(entry),
        score=entry.score + _BROKEN_SCORE - 1.0 * bool(inner),
    )


def _in_words(breakage: griffe.Breakage) -> str:
    kinds = griffe.BreakageKind
    old, new = breakage.old_value, breakage.new_value
    name = getattr(old if old is not None else new, "name", "")
    match breakage.kind:
        case kinds.PARAMETER_REMOVED:
            text = f"parameter {name} was removed"
        case kinds.PARAMETER_MOVED:
            text = f"parameter {name} moved ({breakage.details})"
        case kinds.PARAMETER_CHANGED_KIND:
            text = f"parameter {name}: was {_kind(old)}, is {_kind(new)}"
        case kinds.PARAMETER_CHANGED_DEFAULT:
            text = f"parameter {name}: default was {old.default}, is {new.default}"
        case kinds.PARAMETER_CHANGED_REQUIRED:
            text = f"parameter {name} is required now (its default was {old.default})"
        case kinds.PARAMETER_ADDED_REQUIRED:
            text = f"new required parameter {name}"
        case kinds.RETURN_CHANGED_TYPE:
            text = f"returns: was {old}, is {new or 'not stated'}"
        case kinds.OBJECT_CHANGED_KIND:
            text = f"was {getattr(old, 'value', old)}, is {getattr(new, 'value', new)}"
        case kinds.CLASS_REMOVED_BASE:
            text = f"bases: were {_bases(old)}, are {_bases(new)}"
        case _:
            text = breakage.kind.value
    return one_line(text)[:LONGEST]


def _kind(parameter: griffe.Parameter) -> str:
    return "of unknown kind" if parameter.kind is None else parameter.kind.value


def _bases(bases: list[object]) -> str:
    return ", ".join(map(str, bases)) or "none"
