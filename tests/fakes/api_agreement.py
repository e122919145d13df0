"""Compare a survey with what `inspect` finds, and list every difference."""

import ast
from typing import Any

from fumehood_tools.surveys.models import ApiObject, Survey

# What a metaclass, a __new__ or a decorator that takes anything looks like to inspect.
_ANYTHING = [["args", "VAR_POSITIONAL", False], ["kwargs", "VAR_KEYWORD", False]]


def parameters_in(signature: str) -> list[list[Any]] | None:
    """Return [name, kind, required] of each parameter in a signature as text."""
    if not signature:
        return None
    function = ast.parse(f"def f{signature}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    return _listed(function.args)


def _listed(given: ast.arguments) -> list[list[Any]]:
    named = [(it.arg, "POSITIONAL_ONLY") for it in given.posonlyargs]
    named += [(it.arg, "POSITIONAL_OR_KEYWORD") for it in given.args]
    free = len(named) - len(given.defaults)
    found = [[name, kind, at < free] for at, (name, kind) in enumerate(named)]
    found += [[given.vararg.arg, "VAR_POSITIONAL", False]] if given.vararg else []
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        found.append([argument.arg, "KEYWORD_ONLY", default is None])
    return found + ([[given.kwarg.arg, "VAR_KEYWORD", False]] if given.kwarg else [])


def differences(survey: Survey, inspected: dict[str, Any]) -> tuple[list[str], int]:
    """Return (the differences, one line each, and how many names and signatures were compared)."""
    paths: dict[str, ApiObject] = {}
    for entry in survey.objects:
        for path in (entry.path, *entry.also):
            paths[path] = entry
    members: dict[str, dict[str, ApiObject]] = {}
    for entry in survey.objects:
        if entry.owner:
            members.setdefault(entry.owner, {})[entry.path.rpartition(".")[2]] = entry
    found: list[str] = []
    compared = 0
    for module, names in inspected["found"].items():
        static = {
            path.rpartition(".")[2]: entry
            for path, entry in paths.items()
            if not entry.owner and path.rpartition(".")[0] == module
        }
        found += [f"{module}.{it}: only in the source" for it in sorted(static.keys() - names)]
        for name, living in names.items():
            compared += 1
            entry = static.get(name)
            path = f"{module}.{name}"
            if entry is None:
                found.append(f"{path}: only at run time ({living['kind']})")
                continue
            found += _unlike(path, entry, living)
            if living["kind"] == "class" and entry.path == path and entry.kind == "class":
                more, number = _members(path, members.get(path, {}), living["members"])
                found += more
                compared += number
    return found, compared


def _unlike(path: str, entry: ApiObject, living: dict[str, Any]) -> list[str]:
    if living["kind"] in ("class", "function") and entry.kind in ("class", "function", "method"):
        kind = "function" if entry.kind == "method" else entry.kind
        if kind != living["kind"]:
            return [f"{path}: {entry.kind} in the source, {living['kind']} at run time"]
        seen = parameters_in(entry.signature)
        known = living["parameters"] not in (None, _ANYTHING)
        if seen is not None and known and seen != living["parameters"]:
            return [f"{path}: signature {seen} in the source, {living['parameters']} at run time"]
    return []


def _members(
    path: str, static: dict[str, ApiObject], living: dict[str, Any]
) -> tuple[list[str], int]:
    found = []
    seen = {name: it for name, it in static.items() if not name.startswith("_")}
    for name, member in living.items():
        if name not in seen:
            found.append(f"{path}.{name}: only at run time ({member['kind']})")
        elif member["kind"] == "function":
            found += _unlike(f"{path}.{name}", seen[name], member)
    for name, entry in seen.items():
        # An attribute that only instances have, or that is only annotated, is no class attribute.
        if name not in living and entry.kind in ("method", "property", "class"):
            found.append(f"{path}.{name}: only in the source ({entry.kind})")
    return found, len(living)
