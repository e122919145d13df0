"""The public API of a package as `inspect` finds it: a program that imports the package.

`python inspected_api.py OUT ROOTS MODULE…` imports the modules and writes as JSON: module -> name
-> {kind, parameters, members}, and the modules that could not be imported. The rules of what is
public are those of the survey, applied to living objects.
"""

import ast
import importlib
import inspect
import json
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any


def parameters_of(found: Any) -> list[list[Any]] | None:
    """Return [name, kind, required] of each parameter, or None if there is no signature."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return None
    return [
        [it.name, it.kind.name, it.default is it.empty and it.kind.name[:4] != "VAR_"]
        for it in parameters
    ]


def kind_of(found: Any) -> str:
    """Return class, function or other."""
    if inspect.isclass(found):
        return "class"
    return "function" if inspect.isroutine(found) else "other"


def members_of(cls: type) -> dict[str, dict[str, Any]]:
    """Return the members that a class itself has, with signatures without the bound parameter."""
    found = {}
    for name, member in vars(cls).items():
        if name.startswith("_"):
            continue
        kind = "property" if isinstance(member, property) else kind_of(member)
        bound = inspect.getattr_static(cls, name)
        if isinstance(bound, staticmethod | classmethod):
            kind = "function"
        if kind == "function":
            function = bound.__func__ if isinstance(bound, staticmethod | classmethod) else bound
            parameters = parameters_of(function)
            if parameters and not isinstance(bound, staticmethod):
                parameters = parameters[1:]
            found[name] = {"kind": kind, "parameters": parameters}
        else:
            found[name] = {"kind": kind}
    return found


def of_module(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a module, without those in functions and classes."""
    for inner in ast.iter_child_nodes(node):
        is_program = isinstance(inner, ast.If) and "__main__" in ast.unparse(inner.test)
        is_inner = isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if not is_program and not is_inner:
            yield inner
            yield from of_module(inner)


def imported_in(module: types.ModuleType, roots: set[str]) -> dict[str, str]:
    """Return name -> the module that it was imported from, as the source of a module says.

    What a wildcard import brings along, and what the other module does not offer itself, is there
    as well.
    """
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError):
        return {}
    found: dict[str, str] = {}
    for node in of_module(tree):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            found |= passed_by_accident(module, "." * node.level + (node.module or ""), roots)
        elif isinstance(node, ast.ImportFrom):
            own = module.__name__ if node.level else ""
            found |= {it.asname or it.name: own or str(node.module) for it in node.names}
        elif isinstance(node, ast.Import):
            found |= {it.asname or it.name.partition(".")[0]: it.name for it in node.names}
    return found


def passed_by_accident(module: types.ModuleType, other: str, roots: set[str]) -> dict[str, str]:
    """Return the names that a wildcard import brings along but that the other does not offer."""
    source = importlib.import_module(other, module.__package__)
    offered = public_in(source, roots) if other[:1] == "." or other.split(".")[0] in roots else {}
    return {name: "-" for name in vars(source) if name not in offered}


def public_in(module: types.ModuleType, roots: set[str]) -> dict[str, Any]:
    """Return the public names of a module: its __all__, or what it defines and re-exports."""
    exported = getattr(module, "__all__", None)
    names = list(vars(module)) if exported is None else list(exported)
    imported = imported_in(module, roots)
    found = {}
    for name in names:
        value = getattr(module, name, None)
        if inspect.ismodule(value) or not name.isidentifier():
            continue
        if exported is None:
            home = imported.get(name)
            is_package = hasattr(module, "__path__") and str(home).partition(".")[0] in roots
            if name.startswith("_") or (home is not None and not is_package):
                continue
        entry: dict[str, Any] = {"kind": kind_of(value), "name": getattr(value, "__name__", "")}
        entry["home"] = getattr(value, "__module__", "") if entry["kind"] != "other" else ""
        entry["parameters"] = parameters_of(value) if entry["kind"] != "other" else None
        entry["members"] = members_of(value) if entry["kind"] == "class" else {}
        found[name] = entry
    return found


def main(out: str, roots: str, *modules: str) -> None:
    """Import and write."""
    warnings.simplefilter("ignore")
    found: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name in modules:
        try:
            found[name] = public_in(importlib.import_module(name), set(roots.split(",")))
        except (Exception, SystemExit) as error:  # noqa: BLE001 (whatever an import may raise)
            failed[name] = f"{type(error).__name__}: {error}"[:200]
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"found": found, "failed": failed}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
