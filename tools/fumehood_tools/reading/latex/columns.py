"""The columns of a table: which of them print their cells as formulas or as siunitx's numbers."""

from typing import NamedTuple

from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.si_numbers import Options, options_of
from fumehood_tools.reading.latex.signatures import skip
from fumehood_tools.reading.latex.state import State
from fumehood_tools.reading.latex.tokens import plain

MOST_COLUMNS = 200
_MOST_DEEP = 5
_BETWEEN = {"@": "m", "!": "m", "<": "m", "|": "", ":": "", ";": "m"}
_OPEN_FORMULA = ("$", "\\(")


class Column(NamedTuple):
    """How a column prints its cells: as formulas (`>{$}c<{$}`), or as numbers (`S`)."""

    formula: bool = False
    numbers: Options | None = None


PLAIN_COLUMN = Column()


def columns_of(state: State, spec: list[str]) -> list[Column]:
    """Return the columns of a table from its specification; none if all of them are plain."""
    columns: list[Column] = []
    telling = ("S", ">", *state.column_types)
    if any(letter in token for token in spec for letter in telling):
        _collect(state, spec, columns, 0)
    return columns


def _collect(state: State, spec: list[str], columns: list[Column], depth: int) -> None:
    stream = Stream(state, spec)
    formula = False
    while (letter := stream.letter()) and len(columns) < MOST_COLUMNS:
        if letter in _BETWEEN:
            skip(stream, _BETWEEN[letter])
        elif letter == ">":
            formula = formula or any(token in _OPEN_FORMULA for token in stream.argument())
        elif letter == "*":
            count, repeated = plain(stream.argument()).strip(), stream.argument()
            for _ in range(min(int(count[:3]), MOST_COLUMNS) if count.isdecimal() else 0):
                if depth < _MOST_DEEP and len(columns) < MOST_COLUMNS:
                    _collect(state, repeated, columns, depth + 1)
        elif (own := state.column_types.get(letter)) is not None and depth < _MOST_DEEP:
            first = len(columns)
            _collect(state, own, columns, depth + 1)
            columns[first:] = [
                one._replace(formula=formula or one.formula) for one in columns[first:]
            ]
            _skip_arguments(stream)
            formula = False
        elif letter == "S":
            given = stream.optional()
            columns.append(Column(numbers={**state.si_options, **options_of(plain(given or []))}))
            formula = False
        elif letter.isalpha():
            _skip_arguments(stream)
            columns.append(Column(formula))
            formula = False


def _skip_arguments(stream: Stream) -> None:
    """Skip the arguments of a column such as `p{3cm}` or `D{.}{.}{2}`, whatever its type."""
    stream.optional()
    while token := stream.pull():
        stream.push([token])
        if token != "{":
            break
        stream.argument()


def _new_column_type(stream: Stream) -> None:
    """Store a type of column, such as `\\newcolumntype{N}{S[round-precision=1]}`."""
    name = plain(stream.argument()).strip()
    skip(stream, "oo")
    stream.state.column_types[name] = stream.argument()


COLUMN_TYPES = {"\\newcolumntype": _new_column_type}
