"""What a variant's file declares at its top: TRAIN, DECODER, SKIP, PARENT and KNOB.

Read from the source, never by running it. A declaration counts only as a plain constant.
"""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from fumehood_tools.sandbox.complaints import Complaint, error

DECODERS = ("linear", "nonlinear")
RATE = re.compile(r"lr|learning_rate|param_groups|optim|\w*optimi[sz]er|\w*Adam\w*|SGD|LBFGS")
# The outside base class of a CustomSAE -> the packaged variant that is just that.
PARENT_OF_BASE = {
    "BaseSAE": "standard",
    "AutoEncoder": "standard",
    "AutoEncoderTopK": "topk",
    "BaseTopK": "topk",
    "BatchTopKSAE": "batch_topk",
    "MatryoshkaBatchTopKSAE": "matryoshka",
    "GatedAutoEncoder": "gated",
    "JumpReluAutoEncoder": "jumprelu",
}


class Declarations(NamedTuple):
    """The declarations of one file; parent, knob: None when none is declared."""

    decoder: str = "linear"
    skip: bool = False
    parent: str | None = None
    knob: str | None = None


def read_declarations(source: bytes) -> Declarations:
    """Return what a file declares; what is not a proper constant counts as not declared."""
    return _declared(_tree(source))


def declares_no_training(source: bytes) -> bool:
    """Return whether a file says TRAIN, and anything but True."""
    return any(
        name == "TRAIN" and value is not True for name, value, _ in _constants(_tree(source))
    )


def _tree(source: bytes) -> ast.Module:
    """Return the tree of a source; an empty one for what is not Python."""
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
    """Return the variant that a file is compared with: the declared one, else that of its base.

    None for a packaged file that declares none, and for bases that no packaged variant stands for.
    """
    tree = _tree(source)
    declared = _declared(tree).parent
    if declared is not None:
        return declared if declared != name else None
    return None if is_packaged else _base_parent(tree)


def parent_of_base(source: bytes) -> str | None:
    """Return the packaged variant that stands for the base class of a file's SAE, if one does."""
    return _base_parent(_tree(source))


def names_a_rate(source: bytes) -> bool:
    """Return whether a file names a rate or an optimiser anywhere in its code.

    Whoever wants to hide it can; what this finds is a file that says it.
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


def check_declarations(tree: ast.Module) -> Iterator[Complaint]:
    """Yield what is wrong with the declarations of a file."""
    for name, value, line in _constants(tree):
        if name == "DECODER" and value not in DECODERS:
            said = f"DECODER is {value!r}" if value is not None else "DECODER is not a constant"
            cure = 'write DECODER = "nonlinear" for a decoder that is not linear, else leave it out'
            yield error("declaration", line, said, cure)
        elif name == "SKIP" and not isinstance(value, bool):
            cure = "write SKIP = True for a skip path, else leave it out"
            yield error("declaration", line, "SKIP is neither True nor False", cure)
        elif name == "SKIP" and value and not _has_method(tree, "skip"):
            cure = "write skip(self, x) -> [B, D] in CustomSAE, or leave SKIP out"
            yield error("declaration", line, "SKIP is True, and there is no method skip", cure)
        elif name == "PARENT" and not (isinstance(value, str) and value):
            cure = 'write the name of a variant, as in PARENT = "topk", or leave it out'
            yield error("declaration", line, "PARENT is not a name of a variant", cure)
        elif name == "KNOB" and not _is_number(tree, value):
            cure = 'write KNOB = "K", and K = 32 on a line of its own at the top of the file'
            yield error("declaration", line, "KNOB names no number of this file", cure)


def _is_number(tree: ast.Module, name: object) -> bool:
    values = [value for constant, value, _ in _constants(tree) if constant == name]
    return bool(values) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def _has_method(tree: ast.Module, name: str) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(tree))


def _constants(tree: ast.Module) -> Iterator[tuple[str, object, int]]:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            value = node.value.value if isinstance(node.value, ast.Constant) else None
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, value, node.lineno


def _outside_bases(tree: ast.Module) -> Iterator[str]:
    """Yield the names of CustomSAE's bases, nearest first, own classes of the file looked into."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    queue, seen = ["CustomSAE"], set()
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
