"""The columns of a table: which of them print their cells as numbers of siunitx."""

from fumehood_tools.reading.latex.expansion import State, Stream
from fumehood_tools.reading.latex.si_numbers import Options, options_of
from fumehood_tools.reading.latex.signatures import skip
from fumehood_tools.reading.latex.tokens import plain

MOST_COLUMNS = 200
_MOST_DEEP = 5
_BETWEEN = {"@": "m", "!": "m", ">": "m", "<": "m", "|": "", ":": "", ";": "m"}


def number_columns(state: State, spec: list[str]) -> dict[int, Options]:
    """Return the options of the columns `S` among the columns of a table, by position from 0."""
    kinds: list[Options | None] = []
    if any("S" in token or token in state.column_types for token in spec):
        _collect(state, spec, kinds, 0)
    return {at: options for at, options in enumerate(kinds) if options is not None}


def _collect(state: State, spec: list[str], kinds: list[Options | None], depth: int) -> None:
    stream = Stream(state, spec)
    while (letter := stream.letter()) and len(kinds) < MOST_COLUMNS:
        if letter in _BETWEEN:
            skip(stream, _BETWEEN[letter])
        elif letter == "*":
            count, repeated = plain(stream.argument()).strip(), stream.argument()
            for _ in range(min(int(count[:3]), MOST_COLUMNS) if count.isdecimal() else 0):
                if depth < _MOST_DEEP and len(kinds) < MOST_COLUMNS:
                    _collect(state, repeated, kinds, depth + 1)
        elif (own := state.column_types.get(letter)) is not None and depth < _MOST_DEEP:
            _collect(state, own, kinds, depth + 1)
            _skip_arguments(stream)
        elif letter == "S":
            given = stream.optional()
            kinds.append({**state.si_options, **options_of(plain(given or []))})
        elif letter.isalpha():
            _skip_arguments(stream)
            kinds.append(None)


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
