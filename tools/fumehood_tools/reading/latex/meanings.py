"""What a token stands for, and the numbers and lengths that TeX reads after a condition.

A number whose value depends on the printed page is None.
"""

import re

from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.macros import Macro
from fumehood_tools.reading.latex.tokens import PARAGRAPH, RAW, plain

_EMPTY = Macro("", [], [], [], [])
_LONGEST_NAME = 200
_MOST_ALIASES = 9
_KNOWN_NUMBERS = {"\\pdfoutput": 1, "\\@ne": 1, "\\z@": 0, "\\tw@": 2, "\\m@ne": -1}
_UNDEFINED = {"\\undefined", "\\@undefined", "\\Undefined"}
_POINTS = {
    **{"pt": 1.0, "in": 72.27, "cm": 28.4528, "mm": 2.84528, "bp": 1.00375, "pc": 12.0},
    **{"sp": 1 / 65536, "em": 10.0, "ex": 4.3, "dd": 1.07, "cc": 12.84},
}


def meaning(stream: Stream, token: str, depth: int = 0) -> object:
    """Return what `\\ifx` compares: the definition of a macro, or the token itself."""
    macro = stream.state.macros.get(token)
    if macro is not None:
        return (
            meaning(stream, macro.body[0], depth + 1)
            if macro.alias and depth < _MOST_ALIASES
            else macro
        )
    if token in ("\\empty", "\\@empty"):
        return _EMPTY
    return token if token[:1] != "\\" or is_defined(stream, token) else None


def is_defined(stream: Stream, token: str) -> bool:
    """Return whether the paper or LaTeX, as far as we know it, defines a command."""
    state = stream.state
    if token in _UNDEFINED:
        return False
    return (
        token in state.macros
        or token in state.primitives
        or token in state.conditions
        or token in state.registers
        or token[1:] in state.flags
        or token in _KNOWN_NUMBERS
        or state.knows(token)
    )


def expanded_letter(stream: Stream) -> str:
    """Return the next letter or command after expanding macros. `\\relax` is a command here."""
    while token := stream.letter():
        if token == "\\relax" or not stream.expand(token):
            break
    return token.removeprefix(RAW)


def command_named(stream: Stream) -> str:
    """Read `name\\endcsname`, and return the command of that name."""
    said: list[str] = []
    while (token := stream.pull()) and token != "\\endcsname" and len(said) < _LONGEST_NAME:
        if token[0] != "\\" or not stream.expand(token):
            said.append(token)
    return "\\" + plain(said).strip()


def skip_spaces(stream: Stream) -> None:
    """Skip spaces, but no paragraph break."""
    while (token := stream.pull()) == " ":
        pass
    stream.push([token] if token else [])


def read_number(stream: Stream) -> int | None:
    """Read a number as TeX does; None if its value is not known, as of a length of the page."""
    sign = 1
    while (token := stream.pull()) in (" ", "=") or token[:1] in ("-", "+", "="):
        sign = -sign if token[:1] == "-" else sign
        stream.push([token[1:]] if token[1:] else [])
    if digits := re.match(r"\d+", token):
        rest = token[digits.end() :]
        stream.push([rest] if rest else [])
        if not rest:
            _skip_one_space(stream)
        return sign * int(digits.group()[:18])
    value = _stored_number(stream, token)
    return None if value is None else sign * value


def _skip_one_space(stream: Stream) -> None:
    token = stream.pull()
    stream.push([token] if token not in ("", " ") else [])


def _stored_number(stream: Stream, token: str) -> int | None:
    """Return the value of a counter, a register or a macro that expands to a number."""
    state = stream.state
    if token in state.registers:
        return state.registers[token]
    if token in _KNOWN_NUMBERS:
        return _KNOWN_NUMBERS[token]
    if token in ("\\value", "\\arabic"):
        return state.count(plain(stream.argument()).strip())
    if token.startswith("\\c@"):
        return state.count(token[3:])
    if token == "\\numexpr":
        return _sum(stream)
    if token[:1] == "`":
        letter = token[1:] or stream.letter().removeprefix("\\")
        return ord(letter[0]) if letter else None
    if token in state.macros:
        stream.expand(token)
        return read_number(stream)
    if token in ("{", "}", "$", PARAGRAPH) or token[:1] in "<>":
        stream.push([token] if token else [])
    return None


def _sum(stream: Stream) -> int | None:
    """Read `\\numexpr 1+2*3\\relax`, from left to right, without parentheses."""
    total = read_number(stream)
    while total is not None:
        skip_spaces(stream)
        token = stream.pull()
        if token[:1] not in ("+", "-", "*", "/"):
            stream.push([token] if token not in ("", "\\relax") else [])
            return total
        stream.push([token[1:]] if token[1:] else [])
        other = read_number(stream)
        if other is None or (other == 0 and token[0] == "/"):
            return None
        total = _computed(total, token[0], other)
    return None


def _computed(left: int, sign: str, right: int) -> int:
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return round(left / right)


def read_length(stream: Stream) -> float | None:
    """Read a length in points; None if it is not known."""
    skip_spaces(stream)
    token = stream.pull()
    match = re.match(r"([-+]?\d*\.?\d+)([a-z]{2})", token)
    if match is None or match.group(2) not in _POINTS:
        if token in stream.state.macros:
            stream.expand(token)
            return read_length(stream)
        return None
    rest = token[match.end() :]
    stream.push([rest] if rest else [])
    return float(match.group(1)) * _POINTS[match.group(2)]
