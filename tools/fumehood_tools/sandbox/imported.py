"""Find out which names in a variant's file refer to imported modules and objects.

After `import numpy as n`, n refers to "numpy"; after `from torch import nn`, nn to "torch.nn"; and
after `t = torch`, t to "torch". A name that is also bound in another way (as an argument, in a
loop, to another value) is treated as unknown, because reading cannot tell what it refers to.
"""

import ast

from fumehood_tools.sandbox.refusals import REFUSED_CALLS

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Imported:
    """The imported names of one file."""

    def __init__(self, tree: ast.Module) -> None:
        self.names: dict[str, str] = {}
        self._others: set[str] = set()
        for node in ast.walk(tree):
            self._note_import(node)
        for node in ast.walk(tree):
            self._note_other(node)

    def dotted(self, node: ast.expr) -> str | None:
        """Return the dotted name that an expression refers to ("torch.nn.Linear"), or None."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id) if node.id not in self._others else None
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value)
            return f"{owner}.{node.attr}" if owner else None
        return None

    def owner(self, target: ast.expr) -> str | None:
        """Return the imported object that an assignment to `target` would change, or None."""
        while isinstance(target, (ast.Attribute, ast.Subscript)):
            target = target.value
            if (found := self.dotted(target)) is not None:
                return found
        return None

    def is_builtin(self, name: str) -> bool:
        """Return True if `name` is a refused builtin that nothing in the file rebinds."""
        return name in REFUSED_CALLS and name not in self._others and name not in self.names

    def _note_import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                self.names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                self.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def _note_other(self, node: ast.AST) -> None:
        if isinstance(node, Function):
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            self._others |= {argument.arg for argument in every if argument is not None}
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._others.add(node.name)
        elif isinstance(node, ast.Assign) and (meant := self.dotted(node.value)) is not None:
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id not in self._others:
                    self.names.setdefault(target.id, meant)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.NamedExpr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            self._others |= _bound(targets)
        elif isinstance(node, ast.comprehension):
            self._others |= _bound([node.target])
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._others |= _bound([node.optional_vars])


def _bound(targets: list[ast.expr]) -> set[str]:
    """Return the names that an assignment to the targets binds."""
    names: set[str] = set()
    for target in targets:
        if isinstance(target, ast.Name):
            names.add(target.id)
        elif isinstance(target, ast.Tuple | ast.List):
            names |= _bound(target.elts)
        elif isinstance(target, ast.Starred):
            names |= _bound([target.value])
    return names
