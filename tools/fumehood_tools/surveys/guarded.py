"""Which names of a module are not there when it is imported, though its source defines them.

These are the names below `if TYPE_CHECKING:` and `if __name__ == "__main__":`. griffe marks those
of the first as not available at run time, but also those of its `else:`, and it does not know
`t.TYPE_CHECKING` and the second. The marks are set from the tree that griffe has parsed, because
to parse a module again takes as long as the rest of reading it.
"""

import ast
from collections.abc import Iterator
from typing import Any

import griffe


class GuardExtension(griffe.Extension):
    """Sets `runtime` of all members of each module that griffe visits, and of its classes."""

    def on_module_members(self, *, node: Any, mod: griffe.Module, **_: Any) -> None:
        """Set the marks of one module. node: its ast.Module."""
        _mark(mod, set(_hidden_lines(node.body)))


def _mark(found: griffe.Module | griffe.Class, hidden: set[int]) -> None:
    for member in found.members.values():
        line = member.alias_lineno if isinstance(member, griffe.Alias) else member.lineno
        member.runtime = line not in hidden
        if isinstance(member, griffe.Class):
            _mark(member, hidden)


def _hidden_lines(body: list[ast.stmt]) -> Iterator[int]:
    """Yield the lines of statements that do not run when the module is imported."""
    for node in body:
        if isinstance(node, ast.If):
            hidden = _hidden_branch(node.test)
            yield from _lines(node.body) if hidden == "body" else _hidden_lines(node.body)
            yield from _lines(node.orelse) if hidden == "else" else _hidden_lines(node.orelse)
        elif isinstance(node, ast.ClassDef):
            yield from _hidden_lines(node.body)
        elif isinstance(node, ast.Try):
            for inner in (node.body, node.orelse, node.finalbody):
                yield from _hidden_lines(inner)


def _hidden_branch(test: ast.expr) -> str:
    """Return which branch of an `if` does not run on import: body, else, or "" for neither."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return {"body": "else", "else": "body"}.get(_hidden_branch(test.operand), "")
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return "body" if "body" in map(_hidden_branch, test.values) else ""
    text = ast.unparse(test).replace('"', "'")
    if text.rpartition(".")[2] == "TYPE_CHECKING" or text == "__name__ == '__main__'":
        return "body"
    return ""


def _lines(body: list[ast.stmt]) -> Iterator[int]:
    if body:
        first = body[0]
        # griffe counts a decorated function or class from its first decorator.
        decorators: list[ast.expr] = getattr(first, "decorator_list", [])
        start = min([first.lineno, *(it.lineno for it in decorators)])
        yield from range(start, (body[-1].end_lineno or body[-1].lineno) + 1)
