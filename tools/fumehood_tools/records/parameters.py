"""Parameters of a variant: the constants at the top of its file, and copies with other values.

A constant is a parameter if its name is upper case and its value is a literal number, string or
bool. A copy differs from the file only in these literals, so it is trained, scored and stored like
any other variant. This module parses code but runs none.
"""

import ast
import codecs
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.errors import BadRequest, UnknownName

Value = bool | int | float | str
# These constants declare properties of the file. They are not parameters.
DECLARED = frozenset({"ARITHMETIC", "DECODER", "KNOB", "PARENT", "SKIP", "TRAIN"})


class _Place(NamedTuple):
    """A constant: its value, and the byte range of the literal in the source."""

    value: Value
    start: int
    end: int


class Copy(NamedTuple):
    """A variant's source with other values. parameters: the values that differ from the file's."""

    source: bytes
    parameters: dict[str, Value]


def constants_of(source: bytes) -> dict[str, Value]:
    """Return the parameters of a file and their values; {} if it is not valid Python."""
    return {name: place.value for name, place in _places(source).items()}


def with_parameters(source: bytes, variant: str, values: Mapping[str, Value]) -> Copy:
    """Return a copy of a variant's source with other values for the given constants.

    Raises UnknownName for a constant that the file does not have, BadRequest for a value with
    another type than the one in the file.
    """
    places, changed, copied = _places(source), {}, source
    for name in values:
        if name not in places:
            hint = f"Write {name} = … at the top of variants/{variant}.py, or omit it."
            raise UnknownName(f"constant of {variant}", name, places, hint)
    for name, place in sorted(places.items(), key=lambda found: -found[1].start):
        if name not in values:
            continue
        value = _like(place.value, values[name], f"{name} of {variant}")
        if value != place.value:
            changed[name] = value
            copied = copied[: place.start] + repr(value).encode() + copied[place.end :]
    return Copy(copied, dict(sorted(changed.items())))


def combinations(grid: Mapping[str, Sequence[Value]]) -> list[dict[str, Value]]:
    """Return all combinations of one value per constant; [{}] for an empty grid."""
    names = sorted(grid)
    return [
        dict(zip(names, values, strict=True))
        for values in itertools.product(*(grid[name] for name in names))
    ]


def _like(own: Value, wanted: Value, what: str) -> Value:
    """Return the wanted value converted to the type of `own`. Raises BadRequest if it can't be."""
    if isinstance(own, bool) or isinstance(wanted, bool):
        fits = type(own) is type(wanted)
    elif isinstance(own, str) or isinstance(wanted, str):
        fits = isinstance(own, str) and isinstance(wanted, str)
    elif isinstance(own, int):
        fits, wanted = float(wanted).is_integer(), int(wanted)
    else:
        fits, wanted = True, float(wanted)
    if not fits:
        raise BadRequest(
            f"{what} is {own!r} in the file, so it cannot be {wanted!r}. Pass a value of the same "
            "type."
        )
    return wanted


def _places(source: bytes) -> dict[str, _Place]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    starts = list(itertools.accumulate((len(line) for line in source.splitlines(True)), initial=0))
    # The parser counts from behind a byte order mark.
    starts[0] = len(codecs.BOM_UTF8) if source.startswith(codecs.BOM_UTF8) else 0
    found = {}
    for node in tree.body:
        for name, value in _assigned(node):
            literal = _literal(value)
            if literal is not None and value.end_lineno and value.end_col_offset is not None:
                found[name] = _Place(
                    literal,
                    starts[value.lineno - 1] + value.col_offset,
                    starts[value.end_lineno - 1] + value.end_col_offset,
                )
    return found


def _assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target, value = node.targets[0], node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        target, value = node.target, node.value
    else:
        return
    if isinstance(target, ast.Name) and target.id.isupper() and target.id not in DECLARED:
        yield target.id, value


def _literal(node: ast.expr) -> Value | None:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, bool | str):
        return value if sign == 1 else None
    return sign * value if isinstance(value, int | float) else None
