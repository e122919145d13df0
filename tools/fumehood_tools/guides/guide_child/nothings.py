"""Find values that a block takes from a call of a library and that are None or empty.

A library that drops a result often keeps its place in the tuple and puts None there. The block
runs, and what is built on it fails far away. A value that the block itself compares with None, or
whose name starts with an underscore, is expected to be so.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from typing import Any

EMPTY = (list, tuple, dict, set, str, frozenset)


def nothings(tree: ast.Module, names: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Return (name, value, line) of such values. names: the namespace after the block has run."""
    expected = set(_expected(tree))
    found = []
    for statement in tree.body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
            continue
        if not _is_of_library(statement.value.func, names):
            continue
        for target in statement.targets:
            found += [
                (name, repr(names[name]), statement.lineno)
                for name in _names(target)
                if name in names and name not in expected and not name.startswith("_")
                if _is_nothing(names[name])
            ]
    return found


def _is_nothing(value: object) -> bool:
    return value is None or (type(value) in EMPTY and not value)


def _names(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _names(part)


def _expected(tree: ast.Module) -> Iterator[str]:
    """Yield the names that the block tests for being None or empty."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            blank = any(isinstance(one, ast.Constant) and not one.value for one in sides)
            blank = blank or any(isinstance(one, ast.List | ast.Dict | ast.Tuple) for one in sides)
            yield from (one.id for one in sides if blank and isinstance(one, ast.Name))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield from (one.id for one in ast.walk(node) if isinstance(one, ast.Name))
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name):
            yield node.test.id


def _is_of_library(callee: ast.expr, names: dict[str, Any]) -> bool:
    """Return True if a call goes to an installed package: not to Python itself or to the block."""
    while isinstance(callee, ast.Attribute | ast.Call | ast.Subscript):
        callee = callee.func if isinstance(callee, ast.Call) else callee.value
    if not isinstance(callee, ast.Name) or callee.id not in names:
        return False
    thing = names[callee.id]
    if inspect.ismodule(thing):
        home = thing.__name__
    else:
        home = str(getattr(thing, "__module__", None) or type(thing).__module__)
    top = home.partition(".")[0]
    return top not in sys.stdlib_module_names and top not in ("builtins", "__main__")
