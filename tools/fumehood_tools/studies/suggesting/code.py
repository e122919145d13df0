"""How alike two variants' files are: the longest common subsequence of normalized code. Light.

A file is parsed, never run, and becomes a list of words: one per node of its syntax tree, in order.
Left out are docstrings, comments, imports and layout. Names that the file itself makes (variables,
arguments, functions, classes, attributes of self) are one word, and so are all constants at its
top: a renamed copy with other values is equal to the original. Names from outside (torch.topk,
BaseSAE, encode) are kept, as they say what the code does.

The likeness is 2 L / (n + m), where L is the length of the longest common subsequence of both lists
(Indel similarity, by rapidfuzz). Two copies have 1. What two unrelated variants have is measured on
the packaged ones, see `usual_likeness`. Costs 2 to 5 ms to parse a file, once per version, and less
than 1 ms to compare two.
"""

import ast
import functools
import itertools
import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Indel

_OWN, _CONSTANT = "own name", "constant"
_MOST_WORDS = 20_000
_LAYOUT = (ast.Load, ast.Store, ast.Del, ast.Import, ast.ImportFrom, ast.Pass)


@functools.lru_cache(maxsize=2_000)
def words_of(source: bytes) -> tuple[str, ...]:
    """Return the normalized code of a file; () if it is not Python, or has no code."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    own = _own_names(tree)
    try:
        _, *found = itertools.islice(_walk(tree, own), _MOST_WORDS)  # without the module itself
    except RecursionError:
        return ()
    return tuple(found)


def likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """Return how alike two normalized files are, from 0 to 1; 0 if one of them is empty."""
    if not one or not other:
        return 0.0
    return float(Indel.normalized_similarity(one, other))


class Usual(NamedTuple):
    """How alike two different baselines of a kind are: in the middle, and at most."""

    middle: float
    most: float


@functools.lru_cache(maxsize=16)
def usual_likeness(baselines: frozenset[tuple[str, ...]]) -> Usual | None:
    """Return how alike baselines are, each given as normalized code; None for fewer than two."""
    found = [likeness(a, b) for a, b in itertools.combinations(baselines, 2)]
    return Usual(statistics.median(found), max(found)) if found else None


def _own_names(tree: ast.Module) -> frozenset[str]:
    """Return the names that a file makes. Methods are not among them: their names have meaning."""
    found: set[str] = set()
    methods: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
            methods |= {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return frozenset(found - methods)


def _walk(node: ast.AST, own: frozenset[str]) -> Iterator[str]:
    """Yield the words of a node and of all nodes below it, in the order of the source."""
    yield from _word(node, own)
    body = getattr(node, "body", None)
    skipped = body[0] if isinstance(body, list) and body and _is_text(body[0]) else None
    for child in ast.iter_child_nodes(node):
        if child is skipped or isinstance(child, _LAYOUT):
            continue
        if isinstance(node, ast.Module) and _is_constant(child):
            yield _CONSTANT
            continue
        yield from _walk(child, own)


def _word(node: ast.AST, own: frozenset[str]) -> Iterator[str]:
    kind = type(node).__name__
    name = next(
        (
            value
            for field in ("id", "attr", "arg", "name")
            if isinstance(value := getattr(node, field, None), str)
        ),
        None,
    )
    if isinstance(node, ast.Constant):
        yield f"{kind} {node.value!r}"[:60]
    elif name is not None:
        yield f"{kind} {_OWN if name in own else name}"
    else:
        yield kind


def _is_text(node: ast.stmt) -> bool:
    """Whether a statement is a docstring."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_constant(node: ast.AST) -> bool:
    """Whether a statement at the top of a file sets a name to a literal."""
    value = getattr(node, "value", None) if isinstance(node, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.UnaryOp):
        value = value.operand
    return isinstance(value, ast.Constant)
