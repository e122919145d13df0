"""Read a variant's declarations: TRAIN, DECODER, SKIP, PARENT and KNOB at the top of its file.

They are read from the source, which is never run. Only plain constants count.
"""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from fumehood_tools.kinds import SAE, Kind, kinds
from fumehood_tools.sandbox.complaints import Complaint, error

DECODERS = ("linear", "nonlinear")
RATE = re.compile(r"lr|learning_rate|param_groups|optim|\w*optimi[sz]er|\w*Adam\w*|SGD|LBFGS")
# Base class of what is scored -> the packaged variant that uses this class unchanged.
PARENT_OF_BASE = {base: name for kind in kinds() for base, name in kind.parents.items()}
SCORED_CLASSES = tuple(kind.variant_class for kind in kinds())


class Declarations(NamedTuple):
    """The declarations of one file. parent and knob are None if they are not declared."""

    decoder: str = "linear"
    skip: bool = False
    parent: str | None = None
    knob: str | None = None


def read_declarations(source: bytes) -> Declarations:
    """Return the declarations of a file. Values that are not constants are ignored."""
    return _declared(_tree(source))


def declares_no_training(source: bytes) -> bool:
    """Return True if a file sets TRAIN to anything but True."""
    return any(
        name == "TRAIN" and value is not True for name, value, _ in _constants(_tree(source))
    )


def _tree(source: bytes) -> ast.Module:
    """Return the syntax tree of a source, or an empty one if it is not Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def _declared(tree: ast.Module) -> Declarations:
    found = {name: value for name, value, _ in _constants(tree)}
    decoder, skip = found.get("DECODER"), found.get("SKIP")
    parent, knob = found.get("PARENT"), found.get("KNOB")
    return Declarations(
        decoder=str(decoder) if decoder in DECODERS else "linear",
        skip=skip is True,
        parent=parent if isinstance(parent, str) and parent else None,
        knob=knob if isinstance(knob, str) and knob else None,
    )


def parent_of(source: bytes, name: str, *, is_packaged: bool) -> str | None:
    """Return the name of the variant that a file is compared with.

    This is the declared PARENT, or else the packaged variant with the same base class. Returns None
    for packaged files without PARENT, and for base classes that no packaged variant uses.
    """
    tree = _tree(source)
    declared = _declared(tree).parent
    if declared is not None:
        return declared if declared != name else None
    return None if is_packaged else _base_parent(tree)


def parent_of_base(source: bytes) -> str | None:
    """Return the packaged variant with the same base class as a file's SAE, or None."""
    return _base_parent(_tree(source))


def names_a_rate(source: bytes) -> bool:
    """Return True if a file's code mentions a learning rate or an optimizer by name.

    An author who wants to hide it can: this finds only names that are written out.
    """
    for node in ast.walk(_tree(source)):
        names = (
            getattr(node, "id", None),
            getattr(node, "attr", None),
            getattr(node, "arg", None),
            node.value if isinstance(node, ast.Constant) else None,
        )
        if any(isinstance(name, str) and RATE.fullmatch(name) for name in names):
            return True
    return False


def _base_parent(tree: ast.Module) -> str | None:
    found = (PARENT_OF_BASE[base] for base in _outside_bases(tree) if base in PARENT_OF_BASE)
    return next(found, None)


def check_declarations(tree: ast.Module, kind: Kind = SAE) -> Iterator[Complaint]:
    """Yield findings about wrong declarations in a variant of a kind."""
    for name, value, line in _constants(tree):
        if name == "DECODER" and value not in DECODERS:
            said = f"DECODER is {value!r}" if value is not None else "DECODER is not a constant"
            cure = 'write DECODER = "nonlinear" for a nonlinear decoder, otherwise remove the line'
            yield error("declaration", line, said, cure)
        elif name == "SKIP" and not isinstance(value, bool):
            cure = "write SKIP = True for a skip path, otherwise remove the line"
            yield error("declaration", line, "SKIP is neither True nor False", cure)
        elif name == "SKIP" and value and not _has_skip(tree, kind):
            cure = f"write skip(self, x) -> [B, D] in {kind.variant_class}, or remove SKIP"
            yield error("declaration", line, "SKIP is True, but there is no method skip", cure)
        elif name == "PARENT" and not (isinstance(value, str) and value):
            cure = 'write the name of a variant, as in PARENT = "topk", or remove the line'
            yield error("declaration", line, "PARENT is not the name of a variant", cure)
        elif name == "KNOB" and not _is_number(tree, value):
            cure = 'write KNOB = "K", and K = 32 on a separate line at the top of the file'
            yield error("declaration", line, "KNOB is not the name of a number in this file", cure)


def _is_number(tree: ast.Module, name: object) -> bool:
    values = [value for constant, value, _ in _constants(tree) if constant == name]
    return bool(values) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def _has_skip(tree: ast.Module, kind: Kind) -> bool:
    own = any(isinstance(node, ast.FunctionDef) and node.name == "skip" for node in ast.walk(tree))
    return own or not kind.skip_bases.isdisjoint(_outside_bases(tree))


def _constants(tree: ast.Module) -> Iterator[tuple[str, object, int]]:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            value = node.value.value if isinstance(node.value, ast.Constant) else None
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, value, node.lineno


def _outside_bases(tree: ast.Module) -> Iterator[str]:
    """Yield the names of the scored class's base classes from other modules, nearest first.

    Classes that the file defines itself are replaced by their own base classes.
    """
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    queue, seen = [name for name in SCORED_CLASSES if name in classes], set()
    while queue:
        name = queue.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if name not in classes:
            yield name
            continue
        queue += [
            base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "?")
            for base in classes[name].bases
        ]
