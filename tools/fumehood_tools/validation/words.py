"""Words of papers and of code in one form: identifiers split, stemmed, without common words.

`background` gives how often a word is in a file of source code, from background.tsv: the share of
Python files of machine-learning packages that contain it. benchmarks/codebases/background.py writes
that file.
"""

import math
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.papers.terms import STOP_WORDS, stem

_LONGEST = 40
LETTERS = re.compile(r"[A-Za-z]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_COMMON_WORDS = (
    "model models data paper method methods result results table figure section training "
    "train trained learning network networks input output number set sets based using first "
    "second new al et eq fig arxiv shown given let thus hence respectively e g i one two "
    "three four five code import def return self none true false class if else elif in not "
    "and or for while with as try except raise yield lambda pass break continue print str int "
    "float bool list dict tuple type args kwargs init main name file path get"
)
_COMMON = frozenset(_COMMON_WORDS.split())
RAREST = 8e-4
"""The share of files assumed for a word that the background does not have."""


class Piece(NamedTuple):
    """A word, or a part of an identifier: its stem, and where it is."""

    stem: str
    start: int
    end: int


@lru_cache(maxsize=200_000)
def pieces_of(word: str) -> tuple[Piece, ...]:
    """Return the parts of an identifier: "RevivalLoss" has the stems "reviv" and "loss"."""
    found = [(it[0].lower(), it.start(), it.end()) for it in _CAMEL.finditer(word)]
    return tuple(
        Piece(stem(part), start, end)
        for part, start, end in found
        if len(part) > 2 and part not in STOP_WORDS and part not in _COMMON
    )


def stems_in(text: str) -> list[str]:
    """Return the stems of the words and of the parts of identifiers in a text, in order."""
    return [it.stem for word in LETTERS.findall(text) for it in pieces_of(word)]


def spelled(text: str, start: int, end: int) -> str:
    """Return the words or identifiers, whole, that a part of a text belongs to."""
    first, last = start, end
    while first and start - first < _LONGEST and _is_in_name(text[first - 1]):
        first -= 1
    while last < len(text) and last - end < _LONGEST and _is_in_name(text[last]):
        last += 1
    whole = text[first:last]
    if len(whole) <= 2 * _LONGEST and "\n" not in whole:
        return whole.strip("_")
    ends = (re.split(r"\W", whole.strip("_"))[at][:_LONGEST] for at in (0, -1))
    return " … ".join(ends)


def _is_in_name(letter: str) -> bool:
    return letter == "_" or letter.isalnum()


def rarity(term: str) -> float:
    """Return the share of source files in which a stem, or a pair of stems, is expected.

    A pair is assumed to be at least as rare as its rarer word, by a factor of ten.
    """
    words = term.split(" ")
    shares = [_background().get(it, RAREST) for it in words]
    return min(shares) if len(words) == 1 else max(min(shares) / 10, RAREST / 10)


def chance(term: str, files: float) -> float:
    """Return the chance that a repository of this many files has the term without a reason."""
    return 1 - math.exp(-rarity(term) * files)


@cache
def _background() -> dict[str, float]:
    path = Path(__file__).with_name("background.tsv")
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return {word: float(share) for word, share in rows}
