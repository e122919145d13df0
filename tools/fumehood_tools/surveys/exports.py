"""Which names a module exports, from the statements about its __all__, and from its stub.

griffe reads literals and sums. Modules also copy, extend and shorten lists, and stubs declare
`__all__: list[str]` without a value. An __all__ that cannot be read counts as none, so that the
names that the module defines are found; griffe takes it for an empty one.
"""

import ast
from collections.abc import Iterable, Iterator
from typing import Any

import griffe

Exports = list[str | griffe.ExprName]
_KEY = "fumehood"
_ADDS = ("extend", "append", "insert")
_COPIES = ("list", "tuple", "sorted", "set")


class ExportsExtension(griffe.Extension):
    """Sets the exports of each module that griffe visits, and notes what a stub offers."""

    def on_module_members(self, *, node: Any, mod: griffe.Module, **_: Any) -> None:
        """Set the exports of one module. node: its ast.Module."""
        found = _Reading(mod)
        found.body(node.body)
        mod.exports = found.exports
        mod.extra[_KEY]["removed"] = found.removed
        if str(mod.filepath).endswith(".pyi"):
            mod.extra[_KEY]["offered"] = list(_offered(node.body))


def removed_names(module: griffe.Module) -> frozenset[str]:
    """Return the names that a module removes from its __all__."""
    return frozenset(module.extra[_KEY].get("removed", ()))


def merge_stub(module: griffe.Module, stub: griffe.Module) -> griffe.Module:
    """Merge the stub of a module into it. Raises what griffe raises.

    What a stub offers is there at run time, although griffe marks it as not. If the stub does not
    list its exports, they are those of the module and what the stub offers.
    """
    offered = [name for name in stub.extra[_KEY].get("offered", ()) if name in stub.members]
    listed, exports = stub.exports, module.exports
    alone = [name for name in offered if name not in module.members]
    merged = griffe.merge_stubs(module, stub)
    for name in alone:
        merged.members[name].runtime = True
    if listed is None:
        known = (
            None if exports is None else [*exports, *(it for it in offered if it not in exports)]
        )
        merged.exports = known
    return merged


def _offered(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Yield the names that a stub defines or re-exports as PEP 484 says: `import X as X`."""
    for node in _flat(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.ImportFrom):
            names = [it.asname for it in node.names if it.asname == it.name]
        elif isinstance(node, ast.AnnAssign):
            names = [node.target.id] if isinstance(node.target, ast.Name) else []
        elif isinstance(node, ast.Assign):
            names = [it.id for it in node.targets if isinstance(it, ast.Name)]
        else:
            continue
        yield from (name for name in names if name and not name.startswith("_"))


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those of branches and try blocks too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            for part in ("body", "orelse", "handlers", "finalbody"):
                for inner in getattr(node, part, ()):
                    yield from _flat(
                        inner.body if isinstance(inner, ast.ExceptHandler) else [inner]
                    )


class _Reading:
    """The exports of one module, statement by statement. exports: None if there are none known."""

    def __init__(self, module: griffe.Module) -> None:
        self.module = module
        self.exports: Exports | None = None
        self.removed: set[str] = set()
        self._lists: dict[str, Exports] = {}
        self._is_unreadable = False

    def body(self, body: Iterable[ast.stmt]) -> None:
        """Read all statements."""
        for node in _flat(body):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    self._assigned(target, node.value)
            elif isinstance(node, ast.AugAssign) and _is_all(node.target):
                self._added(self._value(node.value))
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                self._called(node.value)
        if self._is_unreadable:
            self.exports = None

    def _assigned(self, target: ast.expr, value: ast.expr) -> None:
        if not isinstance(target, ast.Name):
            return
        found = self._value(value)
        if target.id != "__all__":
            if found is not None:
                self._lists[target.id] = found
            return
        # Branches may each assign one; their union is better than the last.
        self.exports = None if self._refers_to_itself(value) else self.exports
        self._added(found)

    def _refers_to_itself(self, value: ast.expr) -> bool:
        return any(_is_all(it) for it in ast.walk(value))

    def _added(self, more: Exports | None) -> None:
        if more is None:
            self._is_unreadable = True
        else:
            # griffe's names are equal whatever module they belong to.
            known = {it for it in self.exports or () if isinstance(it, str)}
            new = [it for it in more if not isinstance(it, str) or it not in known]
            self.exports = [*(self.exports or ()), *new]

    def _called(self, call: ast.Call) -> None:
        method = call.func
        if not (isinstance(method, ast.Attribute) and _is_all(method.value)) or not call.args:
            return
        value = call.args[-1]
        if method.attr in _ADDS:
            self._added(self._value(value if method.attr == "extend" else ast.List([value])))
        elif method.attr == "remove" and isinstance(value, ast.Constant):
            self.removed.add(str(value.value))

    def _value(self, node: ast.expr) -> Exports | None:
        """Return the names in an expression; None if they cannot be read."""
        if isinstance(node, ast.Constant):
            return [node.value] if isinstance(node.value, str) else None
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return self._joined(node.elts)
        if isinstance(node, ast.Starred):
            return self._value(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.BitOr):
            return self._joined([node.left, node.right])
        if isinstance(node, ast.Name):
            return list(self.exports or []) if _is_all(node) else self._lists.get(node.id)
        if isinstance(node, ast.Attribute) and node.attr == "__all__":
            path = _dotted(node.value, self.module)
            return None if path is None else [griffe.ExprName("__all__", parent=path)]
        if isinstance(node, ast.Call):
            return self._copied(node)
        return None

    def _joined(self, nodes: Iterable[ast.expr]) -> Exports | None:
        parts = [self._value(it) for it in nodes]
        return None if None in parts else [it for part in parts for it in part or ()]

    def _copied(self, call: ast.Call) -> Exports | None:
        """Return the names in list(X), sorted(X) or X.copy()."""
        if isinstance(call.func, ast.Attribute) and call.func.attr == "copy" and not call.args:
            return self._value(call.func.value)
        if isinstance(call.func, ast.Name) and call.func.id in _COPIES and len(call.args) == 1:
            return self._value(call.args[0])
        return None


def _is_all(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "__all__"


def _dotted(node: ast.expr, module: griffe.Module) -> griffe.ExprName | None:
    """Return griffe's name of a module that is written as a.b.c."""
    if isinstance(node, ast.Name):
        return griffe.ExprName(node.id, parent=module)
    if isinstance(node, ast.Attribute):
        parent = _dotted(node.value, module)
        return None if parent is None else griffe.ExprName(node.attr, parent=parent)
    return None
