"""Rules against changing shared code: torch, core, Python itself, and how tensors behave.

They also cover a way around the other rules: dunder names (`__globals__`) given as strings. State
on a class or module is only a warning: it is useless, because scoring runs in other processes.
"""

import ast
from collections.abc import Iterator

from fumehood_tools.sandbox.complaints import Complaint, error, warning
from fumehood_tools.sandbox.imported import Imported
from fumehood_tools.sandbox.refusals import (
    HARMLESS_DUNDERS,
    NO_MAGIC,
    NO_PATCH,
    NO_TENSOR_TRICK,
    REFUSED_ATTRIBUTES,
    REFUSED_METHODS,
    TENSOR_CLASSES,
)

SETTERS = frozenset(["setattr", "delattr", "__setattr__", "__delattr__"])
GETTERS = frozenset(["getattr", "hasattr", "attrgetter", "methodcaller"])
EXITS = frozenset(["SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException"])
STORING = frozenset(["append", "extend", "insert", "add", "update", "setdefault", "pop", "clear"])
NO_STATE = "use register_buffer, or an attribute set in __init__: scoring runs in other processes"


def check_meddling(tree: ast.Module, imported: Imported) -> Iterator[Complaint]:
    """Yield findings about changes to code that does not belong to the variant."""
    yield from _changes(tree, imported)
    yield from _calls(tree, imported)
    yield from _classes(tree, imported)
    yield from _strings(tree)
    yield from _state(tree)
    yield from _exits(tree)


def _changes(tree: ast.Module, imported: Imported) -> Iterator[Complaint]:
    """Find assignments to, and deletions of, attributes and items of imported objects."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute | ast.Subscript):
            continue
        if isinstance(node.ctx, ast.Load):
            if isinstance(node, ast.Attribute) and node.attr == "__dict__":
                found = imported.dotted(node.value)
                if found is not None:
                    message = _may_not("use", f"{found}.__dict__")
                    yield error("patch", node.lineno, message, NO_PATCH)
        elif (owner := imported.owner(node)) is not None:
            name = f"{owner}.{node.attr}" if isinstance(node, ast.Attribute) else owner
            whole = imported.dotted(node) or name
            if whole.startswith("torch.backends."):
                message = f"{whole} is set by the sandbox: this has no effect in scoring"
                yield warning("patch", node.lineno, message, "leave it out")
            else:
                yield error("patch", node.lineno, _may_not("change", whole), NO_PATCH)
        elif isinstance(node, ast.Attribute) and node.attr in ("__class__", "__bases__"):
            yield error("patch", node.lineno, _may_not("change", node.attr), NO_MAGIC)


def _calls(tree: ast.Module, imported: Imported) -> Iterator[Complaint]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = _last(node.func)
        if called in SETTERS:
            changed = imported.dotted(node.args[0])
            if changed is not None:
                yield error("patch", node.lineno, _may_not("change", changed), NO_PATCH)
        elif called == "vars" and imported.dotted(node.args[0]):
            message = _may_not("use", f"vars({imported.dotted(node.args[0])})")
            yield error("patch", node.lineno, message, NO_PATCH)
        elif called in GETTERS:
            yield from _getter(node)
        elif called == "as_subclass" and imported.dotted(node.args[0]) != "torch.Tensor":
            message = _may_not("create", "tensors of a custom class")
            yield error("tensor", node.lineno, message, NO_TENSOR_TRICK)


def _getter(node: ast.Call) -> Iterator[Complaint]:
    for argument in node.args:
        name = _text(argument, {})
        if name is None:
            continue
        last = name.rpartition(".")[2]
        if last.startswith("__") and last.endswith("__") and last not in HARMLESS_DUNDERS:
            yield error("call", node.lineno, _may_not("ask for", last), NO_MAGIC)


def _classes(tree: ast.Module, imported: Imported) -> Iterator[Complaint]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for base in node.bases:
            if imported.dotted(base) in TENSOR_CLASSES:
                message = f"{node.name} is a custom tensor class"
                yield error("tensor", node.lineno, message, NO_TENSOR_TRICK)
        for part in node.body:
            for name in _defined(part) & REFUSED_METHODS.keys():
                message = _may_not("define", name)
                yield error("method", part.lineno, message, REFUSED_METHODS[name])


def _defined(part: ast.stmt) -> set[str]:
    """Return the names that a statement in a class body binds."""
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
        return {part.name}
    if isinstance(part, ast.Assign):
        return {target.id for target in part.targets if isinstance(target, ast.Name)}
    return set()


def _strings(tree: ast.Module) -> Iterator[Complaint]:
    """Find strings, except docstrings, that contain a refused name and could be for a getattr.

    Also finds strings that are assembled with + or in an f-string.
    """
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    known: dict[int, str | None] = {}
    # ast.walk yields an expression before its parts, so parts of a reported one can be skipped.
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.BinOp | ast.JoinedStr) and id(node) not in told:
            text = _text(node, known) or ""
            for name in REFUSED_ATTRIBUTES:
                if name.startswith("__") and name in text:
                    told |= {id(part) for part in ast.walk(node)}
                    yield error("call", node.lineno, _may_not("ask for", name), NO_MAGIC)
                    break


def _state(tree: ast.Module) -> Iterator[Complaint]:
    """Find state that is stored outside the SAE and survives a call."""
    own = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    kept = _containers(tree)
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            if (name := _kept_in_module(node, kept)) is not None:
                message = f"{name}: state stored in the module is lost in scoring"
                yield warning("state", getattr(node, "lineno", None), message, NO_STATE)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
                if not _is_own_class(node.value, own):
                    continue
                message = f"{node.attr}: state stored on the class is lost in scoring"
                yield warning("state", node.lineno, message, NO_STATE)


def _containers(tree: ast.Module) -> set[str]:
    """Return the names of list, dict and set literals at the top level of the file."""
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Dict | ast.Set)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _kept_in_module(node: ast.AST, containers: set[str]) -> str | None:
    """Return the module-level name in which a node inside a function stores something, or None."""
    if isinstance(node, ast.Global):
        return ", ".join(node.names)
    held: ast.AST | None = None
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        held = node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        held = node.func.value if node.func.attr in STORING else None
    return held.id if isinstance(held, ast.Name) and held.id in containers else None


def _exits(tree: ast.Module) -> Iterator[Complaint]:
    """Find exceptions that end the process without saying what is wrong."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(raised, ast.Name) and raised.id in EXITS:
                message = _may_not("raise", raised.id)
                yield error("call", node.lineno, message, "raise a ValueError that says why")


def _is_own_class(node: ast.expr, own: set[str]) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "type"
    if isinstance(node, ast.Attribute):
        return node.attr == "__class__"
    return isinstance(node, ast.Name) and node.id in own


def _text(node: ast.AST, known: dict[int, str | None]) -> str | None:
    """Return the value of a string literal, a sum of literals or an f-string of them, or None.

    known: cache of results by node id. Without it, a sum of n strings would take n^2 steps.
    """
    if id(node) not in known:
        text: str | None = None
        if isinstance(node, ast.Constant):
            text = node.value if isinstance(node.value, str) else None
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = _text(node.left, known), _text(node.right, known)
            text = left + right if left is not None and right is not None else None
        elif isinstance(node, ast.JoinedStr):
            text = "".join(_text(part, known) or "" for part in node.values)
        elif isinstance(node, ast.FormattedValue):
            text = _text(node.value, known)
        known[id(node)] = text
    return known[id(node)]


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _may_not(do: str, what: str) -> str:
    return f"A variant may not {do} {what}"
