"""Words of papers and of code in one form: identifiers split, stemmed, without common words.

`background` gives how often a word is in a file of source code, from background.tsv: the share of
Python files of machine-learning packages that contain it. benchmarks/codebases/background.py writes
that file.
"""

import math
import re
from functools import cache, lru_cache
from pathlib import Path

from fumehood_tools.papers.terms import STOP_WORDS, stem

_LETTERS = re.compile(r"[A-Za-z]+")
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


@lru_cache(maxsize=200_000)
def parts_of(word: str) -> tuple[str, ...]:
    """Return the stems of the parts of an identifier: "RevivalLoss" as ("reviv", "loss")."""
    pieces = [it.lower() for it in _CAMEL.findall(word)]
    return tuple(
        stem(it) for it in pieces if len(it) > 2 and it not in STOP_WORDS and it not in _COMMON
    )


def stems_in(text: str) -> list[str]:
    """Return the stems of the words and of the parts of identifiers in a text, in order."""
    found: list[str] = []
    for word in _LETTERS.findall(text):
        found += parts_of(word)
    return found


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
