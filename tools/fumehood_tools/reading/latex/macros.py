"""Definitions of macros, and how their parameters and delimiters are compared and filled in."""

import functools
import re
from dataclasses import dataclass

from fumehood_tools.reading.latex.tokens import LISTING, PARAGRAPH, RAW, plain

END_OF_FILE = "\x04"
# Tokens that begin with one of these are never split into letters.
WHOLE = ("\\", RAW, LISTING, "#", END_OF_FILE)


@dataclass(frozen=True)
class Macro:
    """A macro definition: per parameter its kind, default and delimiter (empty if undelimited).

    `kinds` has one letter per parameter, as in xparse: m (mandatory), o (optional), s (star), d
    (optional between two signs, its delimiters), t (a sign that may be absent, its delimiter).
    `before` holds the tokens that must come before the first parameter, and `body` the replacement
    text. Both and the delimiters are compared letter by letter. `long` says that it was defined as
    `\\long`, and `alias` that it was made by `\\let`, so that its body is what it stands for.
    """

    kinds: str
    defaults: list[list[str]]
    delimiters: list[list[str]]
    before: list[str]
    body: list[str]
    long: bool = False
    alias: bool = False

    @functools.cached_property
    def fills(self) -> bool:
        """True if the body has parameters to replace."""
        return any("#" in token for token in self.body)


def cut(token: str, letter: str) -> tuple[str, str] | None:
    """Return what stands before and after a letter in a token; None if it is not in it."""
    if token == letter or (letter == "\\par" and token == PARAGRAPH):
        return "", ""
    if token[0] in WHOLE or letter not in token:
        return None
    before, _, after = token.partition(letter)
    return before, after


def without_braces(tokens: list[str]) -> list[str]:
    """Return an argument without the braces around all of it, which TeX removes."""
    if len(tokens) < 2 or tokens[0] != "{" or tokens[-1] != "}":
        return tokens
    depth = 0
    for index, token in enumerate(tokens):
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth == 0 and index < len(tokens) - 1:
            return tokens
    return tokens[1:-1]


def letters(tokens: list[str]) -> list[str]:
    """Return tokens split as TeX splits them: commands, signs and single letters."""
    return [one for token in tokens for one in ([token] if token[0] in WHOLE else token)]


def filled(body: list[str], arguments: list[list[str]]) -> list[str]:
    """Return the body of a macro with its arguments filled in."""
    made: list[str] = []
    for token in body:
        if token[0] == "#":
            if token.startswith("##"):
                made.append(token[1:])
            elif token[1:].isdigit() and 0 < int(token[1:]) <= len(arguments):
                made += arguments[int(token[1:]) - 1]
        elif token[0] == RAW and "#" in token:
            made.append(
                re.sub(r"#([1-9])", lambda m: _raw_argument(arguments, int(m.group(1))), token)
            )
        else:
            made.append(token)
    return made


def _raw_argument(arguments: list[list[str]], number: int) -> str:
    return plain(arguments[number - 1]) if number <= len(arguments) else f"#{number}"
