"""The public API of a package: which names are public, and what the source says of each.

Public are, in every module of which no part of the name begins with an underscore: the names in its
__all__; without one, what it defines without a leading underscore, and in an __init__.py also what
it imports from the package itself. One object has one entry, under its shortest public path.
"""

import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import griffe

from fumehood_tools.surveys.exports import removed_names
from fumehood_tools.surveys.layout import Layout, is_public_module
from fumehood_tools.surveys.models import ApiObject, ObjectKind
from fumehood_tools.surveys.signatures import (
    base_paths,
    class_signature,
    forms_of,
    lineage,
    signature_of,
)
from fumehood_tools.surveys.tree import ODD, Tree

LONGEST_DOC = 6_000
LONGEST_VALUE = 300
MOST_OBJECTS = 40_000
_SPECIAL = re.compile(r"__(?!(?:all|doc|module|slots|version|author|name|file|path)__)\w+__")
_DEPRECATED = re.compile(
    r"^\s*(?:\.\. deprecated::.*|\[?deprecated\b.*|.*\bis deprecated\b.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_LABELS = frozenset(
    {"async", "staticmethod", "classmethod", "cached", "dataclass", "property", "writable"}
    | {"instance-attribute", "abstractmethod"}
)
Found = griffe.Object | griffe.Alias


class Public(NamedTuple):
    """A public name: where it is, and the object that it leads to (None: not found).

    target: the path that it was imported from, if it was imported.
    """

    module: str
    name: str
    found: griffe.Object | None
    target: str
    exported: bool


class Api(NamedTuple):
    """objects: path -> entry. targets: the same paths -> griffe's objects."""

    objects: dict[str, ApiObject]
    targets: dict[str, griffe.Object]
    modules: list[str]
    at_run_time: int
    unresolved: int
    lazy: int


def api_of(tree: Tree, layout: Layout, folder: Path) -> Api:
    """Return the public API."""
    modules = [name for name in tree.modules if is_public_module(name)]
    names = _lazy_found([it for module in modules for it in public_names(tree, layout, module)])
    groups: dict[str, list[Public]] = {}
    for it in names:
        key = it.found.path if it.found is not None else f"{it.module}.{it.name}"
        groups.setdefault(key, []).append(it)
    api = Api(
        {},
        {},
        sorted(modules),
        sum(it.found is None and not it.target for it in names),
        sum(it.found is None and bool(it.target) for it in names),
        sum("__getattr__" in tree.modules[it].members for it in modules),
    )
    for group in groups.values():
        if len(api.objects) >= MOST_OBJECTS:
            break
        _enter(api, tree, group, folder)
    return api


def _lazy_found(names: list[Public]) -> list[Public]:
    """Return the names, where those that a __getattr__ imports lead to the only object so named."""
    found: dict[str, dict[str, griffe.Object]] = {}
    for it in names:
        if it.found is not None and it.found.name == it.name:
            found.setdefault(it.name, {})[it.found.path] = it.found
    return [
        it._replace(found=next(iter(same.values())))
        if it.found is None and not it.target and len(same := found.get(it.name, {})) == 1
        else it
        for it in names
    ]


def public_names(tree: Tree, layout: Layout, module: str) -> Iterator[Public]:
    """Yield the public names of a module that are not modules."""
    found = tree.modules[module]
    # An __all__ may contain any text. Only names can be imported, and only they are shown.
    gone = removed_names(found)
    exports = (
        None
        if found.exports is None
        else [it for it in found.exports if _is_name(it) and it not in gone]
    )
    members: dict[str, Found] = dict(found.members)
    members.update(
        {name: member for (home, name), member in tree.shadowed.items() if home == module}
    )
    if exports is not None:
        for name in dict.fromkeys(map(str, exports)):
            yield from _named(tree, module, name, members.get(name), exported=True)
        return
    files = layout.modules.get(module)
    is_package = files is not None and files.package
    for name, member in members.items():
        if name.startswith("_") or not name.isidentifier():
            continue
        # What only type checkers import is not there, unless a __getattr__ imports it as well.
        if not (member.runtime or (member.is_alias and "__getattr__" in members)):
            continue
        if not isinstance(member, griffe.Alias) or _is_passed_on(member, layout, is_package):
            yield from _named(tree, module, name, member, exported=False)


def _is_name(export: object) -> bool:
    return isinstance(export, str) and export.isidentifier()


def _is_passed_on(member: griffe.Alias, layout: Layout, is_package: bool) -> bool:
    """Return whether a module without __all__ passes on what it imports.

    An __init__.py passes on what it imports from its own package. A wildcard import passes on what
    the other module offers by the same rules.
    """
    if not member.wildcard_imported:
        return is_package and member.target_path.partition(".")[0] in layout.roots
    try:
        target = member.target
        home = target.parent
    except ODD:
        return False
    if home is None or not isinstance(target, griffe.Alias):
        return target.path.partition(".")[0] in layout.roots
    if home.exports is not None:
        return target.name in map(str, home.exports)
    files = layout.modules.get(home.path)
    return _is_passed_on(target, layout, files is not None and files.package)


def _named(
    tree: Tree, module: str, name: str, member: Found | None, *, exported: bool
) -> Iterator[Public]:
    if member is None:
        if f"{module}.{name}" not in tree.modules:
            yield Public(module, name, None, "", exported)
        return
    found = _final(tree, member)
    if found is None or not found.is_module:
        target = _last_target(member)
        # What is imported without a dot is a module of another package.
        if found is not None or "." in target or exported:
            yield Public(module, name, found, target, exported)


def _last_target(member: Found) -> str:
    """Return the path that a member was imported from first, as far as it can be followed."""
    seen: set[str] = set()
    while isinstance(member, griffe.Alias) and member.path not in seen:
        seen.add(member.path)
        target = member.target_path
        try:
            member = member.target
        except ODD:
            return target
    return member.path if seen else ""


def _final(tree: Tree, member: Found) -> griffe.Object | None:
    """Return the object that a member leads to, or None if its source is not in the package."""
    seen: set[str] = set()
    while isinstance(member, griffe.Alias):
        if member.path in seen:
            return None
        seen.add(member.path)
        home, _, name = member.target_path.rpartition(".")
        hidden = tree.shadowed.get((home, name))
        if hidden is not None and hidden is not member:
            member = hidden
            continue
        try:
            member = member.target
        except ODD:
            return None
    return member


def _enter(api: Api, tree: Tree, group: list[Public], folder: Path) -> None:
    paths = sorted({f"{it.module}.{it.name}" for it in group}, key=lambda it: (it.count("."), it))
    exported = any(it.exported for it in group)
    first = group[0]
    if first.found is None:
        kind: ObjectKind = "import" if first.target else "unknown"
        value = f"from {first.target}" if first.target else ""
        api.objects[paths[0]] = ApiObject(
            path=paths[0], also=tuple(paths[1:]), kind=kind, value=value, exported=exported
        )
        return
    entry = _entry(tree, first.found, paths[0], folder)
    api.objects[paths[0]] = entry.model_copy(
        update={"also": tuple(paths[1:]), "exported": exported}
    )
    api.targets[paths[0]] = first.found
    if isinstance(first.found, griffe.Class):
        _enter_members(api, tree, first.found, paths[0], folder)


def _enter_members(api: Api, tree: Tree, cls: griffe.Class, path: str, folder: Path) -> None:
    for name, member in cls.members.items():
        is_shown = not name.startswith("_") or bool(_SPECIAL.fullmatch(name))
        is_shown = is_shown and member.runtime and not member.is_alias
        if not is_shown or len(api.objects) >= MOST_OBJECTS:
            continue
        entry = _entry(tree, member, f"{path}.{name}", folder)  # type: ignore[arg-type]
        api.objects[entry.path] = entry.model_copy(update={"owner": path})
        api.targets[entry.path] = member  # type: ignore[assignment]
        if isinstance(member, griffe.Class) and path.count(".") < 12:
            _enter_members(api, tree, member, entry.path, folder)


def _entry(tree: Tree, found: griffe.Object, path: str, folder: Path) -> ApiObject:
    doc = "" if found.docstring is None else found.docstring.value
    file = _file(found, folder)
    facts = {
        "path": path,
        "doc": doc[:LONGEST_DOC],
        "doctests": _doctests(doc),
        "file": file,
        "line": found.lineno or None,
        "end_line": found.endlineno or None,
        "labels": tuple(sorted(found.labels & _LABELS)),
        "deprecated": _deprecation(tree, found, doc, file),
    }
    if isinstance(found, griffe.Function):
        inner = found.parent is not None and found.parent.is_class
        overloads = tuple(signature_of(it) for it in (found.overloads or ())[:20])
        facts |= {"kind": "method" if inner else "function", "signature": signature_of(found)}
        facts |= {"overloads": overloads, "decorators": _decorators(found)}
    elif isinstance(found, griffe.Class):
        facts |= {"kind": "class", "signature": class_signature(found)}
        facts |= {"bases": tuple(base_paths(found)), "decorators": _decorators(found)}
        facts |= {"labels": (*facts["labels"], *forms_of(found))}  # type: ignore[misc]
        facts |= {"inherited": tuple(_inherited(found))[:200]}
    elif isinstance(found, griffe.TypeAlias):
        facts |= {"kind": "type alias", "value": str(found.value)[:LONGEST_VALUE]}
    else:
        is_property = "property" in found.labels
        facts |= {"kind": "property" if is_property else "attribute", "value": _value(found)}
    return ApiObject.model_validate(facts)


def _value(found: griffe.Object) -> str:
    annotation = getattr(found, "annotation", None)
    value = getattr(found, "value", None)
    text = "" if annotation is None else f": {annotation}"
    return (text + ("" if value is None else f" = {value}")).strip()[:LONGEST_VALUE]


def _file(found: griffe.Object, folder: Path) -> str:
    try:
        place = found.filepath
    except ODD:
        return ""
    if isinstance(place, list) or not place.is_relative_to(folder):
        return ""
    return place.relative_to(folder).as_posix()


def _decorators(found: griffe.Function | griffe.Class) -> tuple[str, ...]:
    return tuple(str(it.value)[:200] for it in found.decorators[:10])


def _inherited(found: griffe.Class) -> Iterator[str]:
    own = set(found.members)
    for cls in lineage(found)[1:]:
        for name in cls.members:
            if not name.startswith("_") and name not in own:
                own.add(name)
                yield f"{cls.path}.{name}"


def _doctests(doc: str) -> int:
    if ">>>" not in doc:
        return 0
    try:
        return len(doctest.DocTestParser().get_examples(doc))
    except ValueError:
        return 0


def _deprecation(tree: Tree, found: griffe.Object, doc: str, file: str) -> str:
    """Return how the source says that an object is deprecated, or ""."""
    if isinstance(found, griffe.Function | griffe.Class):
        for decorator in found.decorators:
            text = str(decorator.value)
            if re.search(r"(?:^|[._])deprecated?\b", text.partition("(")[0], re.IGNORECASE):
                return f"decorator {text[:200]}"
    if said := _DEPRECATED.search(doc[:LONGEST_DOC]):
        return f"docstring: {said[0].strip()[:200]}"
    if isinstance(found, griffe.Function) and found.lineno and found.endlineno:
        lines = tree.warns.get(file, ())
        if any(found.lineno <= line <= found.endlineno for line in lines):
            return "its body names a DeprecationWarning or FutureWarning (perhaps for some calls)"
    return ""
